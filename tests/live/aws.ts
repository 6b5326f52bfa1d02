// Why: neither emulator checks our signatures, and neither says what KMS says. Here the adapters meet the real services.
import { AwsError } from "@runlet/coordination/aws-json";
import { createDynamodbTable } from "@runlet/coordination/dynamodb-table";
import { createKms } from "@runlet/coordination/kms";
import { createSecretsManager } from "@runlet/coordination/secrets-manager";
import type { Table } from "@runlet/coordination/table";
import { createAwsCalls } from "@runlet/runlet/compose/aws-calls";
import { readAwsStage } from "@runlet/runtime/settings-aws";
import { judge, type CheckRun, type Finding, type LiveCheck } from "./live-check.ts";

export const awsNeeds = {
  AWS_REGION: "the region",
  AWS_ACCESS_KEY_ID: "with AWS_SECRET_ACCESS_KEY and, for a session, AWS_SESSION_TOKEN",
} as const;

export const aws: LiveCheck = {
  name: "aws",
  asks: "Does AWS take our signatures, and say what its documentation says?",
  does: [
    "DynamoDB: puts, reads, lists and removes one row (deployment/live-check) of a scratch stage's table",
    "KMS: draws a data key under the stage's key, unwraps it in its own context and in another",
    "Secrets Manager: asks for a secret that does not exist",
  ],
  needs: {
    ...awsNeeds,
    RUNLET_LIVE_TABLE: "the table of a scratch stage",
    RUNLET_LIVE_KMS_KEY: "the ARN of its key",
  },
  async run(run) {
    const { clock } = run;
    const calls = createAwsCalls(clock, readAwsStage("live"));
    try {
      const table = createDynamodbTable(calls.dynamodb, run.value("RUNLET_LIVE_TABLE"));
      const kms = createKms(calls.kms, run.value("RUNLET_LIVE_KMS_KEY"));
      const secrets = createSecretsManager(calls.secretsManager);
      return [
        ...(await lookAtTable(run, table)),
        ...(await lookAtKms(kms)),
        await attempt("an absent secret is found to be absent", async () => {
          const text = await secrets.find("runlet/live-check/absent");
          return [text === undefined, text === undefined ? "absent" : "there"];
        }),
      ];
    } finally {
      calls.http.close();
    }
  },
};

async function lookAtTable({ random }: CheckRun, table: Table): Promise<Finding[]> {
  const key = "deployment/live-check";
  const row = { key, version: random.uuid(), value: { text: "é" } };
  return [
    await attempt("a row is put once, and refused the second time", async () => {
      const old = await table.get(key);
      if (old) await table.remove(key, old.version);
      const results = [
        await table.put(row, { absent: true }),
        await table.put(row, { absent: true }),
      ];
      return [results.join() === "put,refused", results.join()];
    }),
    await attempt("it is read and listed as it was put", async () => {
      const listed = (await table.list("deployment/")).find((one) => one.key === key);
      const same = [await table.get(key), listed].every((one) => one?.version === row.version);
      return [same, same ? "the same" : "another"];
    }),
    await attempt("it is removed by its version alone", async () => {
      const results = [await table.remove(key, "x"), await table.remove(key, row.version)];
      return [results.join() === "refused,removed", results.join()];
    }),
  ];
}

async function lookAtKms(kms: ReturnType<typeof createKms>): Promise<Finding[]> {
  const context = { stage: "live", shard: "a" };
  const lost = "another context is refused as InvalidCiphertextException";
  return [
    await attempt("a data key opens in its own context", async () => {
      const { key, wrapped } = await kms.generate(context);
      const same = Buffer.from(await kms.unwrap(wrapped, context)).equals(Buffer.from(key));
      return [same, same ? "the same key" : "another key"];
    }),
    await attempt(lost, async () => {
      const { wrapped } = await kms.generate(context);
      const code = await codeOf(kms.unwrap(wrapped, { ...context, shard: "b" }));
      return [code === "InvalidCiphertextException", code];
    }),
  ];
}

async function codeOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return "no error";
  } catch (error) {
    if (error instanceof AwsError) return error.code;
    throw error;
  }
}

/** What is thrown is a finding as well. */
export async function attempt(
  assumption: string,
  look: () => Promise<[holds: boolean, seen: string]>,
): Promise<Finding> {
  try {
    return judge(assumption, ...(await look()));
  } catch (error) {
    return judge(assumption, false, error instanceof Error ? error.message : error);
  }
}
