// Why: what a deployment finds in its account stands in moto: a KMS key, and secrets.
import { createAwsCall } from "@runlet/coordination/aws-json";
import { createAwsFetch } from "@runlet/runtime/aws-fetch";
import { createSystemClock } from "@runlet/runtime/clock";
import type { Fetch } from "@runlet/runtime/fetch";

export const region = "eu-central-1";
export const testCredentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret" };
const targets = {
  kms: { target: "TrentService", json: "1.1" },
  secretsmanager: { target: "secretsmanager", json: "1.1" },
} as const;

/** Where run.ts has started it. */
export function motoUrl(): string {
  const url = process.env["RUNLET_MOTO_URL"];
  if (!url) throw new Error("RUNLET_MOTO_URL is not set; run this through npm run test:aws");
  return url;
}

/** Calls of one service in moto, as a function makes them. */
export function connectMoto(http: Fetch, service: keyof typeof targets) {
  const clock = createSystemClock();
  const credentials = async () => testCredentials;
  const fetch = createAwsFetch({ fetch: http, clock, credentials }, { service, region });
  return createAwsCall({ fetch, clock }, { url: motoUrl(), ...targets[service] });
}

/** A new KMS key's ARN. */
export async function createKey(http: Fetch): Promise<string> {
  const made = (await connectMoto(http, "kms")("CreateKey", {})) as {
    KeyMetadata: { Arn: string };
  };
  return made.KeyMetadata.Arn;
}
