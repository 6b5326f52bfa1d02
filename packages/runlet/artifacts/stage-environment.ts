// Why: the functions are told what the deployment tells them and nothing else of Runlet's, but where AWS is, that they may
// reach this machine, and the settings that show in a minute what takes an hour.
import { join } from "node:path";
import { functionEnvironment } from "@runlet/runtime/function-environment";
import type { FunctionName } from "./bundle-function.ts";
import { region } from "./emulated-account.ts";
import type { EmulatorPlaces } from "./emulators.ts";
import { functionKeys } from "./function-roles.ts";

export interface StageFacts extends EmulatorPlaces {
  stage: string;
  tableName: string;
  kmsKey: string;
  /** Of EKS and STS. */
  eksUrl: string;
  invokeUrl: string;
  /** The scope whose webhook's failed deliveries are asked for. */
  configUrl: string;
  allowLoopback: boolean;
  home: string;
}

/** The whole environment of a function's processes, without what the function host itself sets. */
export function stageEnvironment(name: FunctionName, facts: StageFacts): Record<string, string> {
  const { stage, dynamodbUrl, motoUrl, eksUrl, invokeUrl } = facts;
  const { accessKeyId, secretAccessKey } = functionKeys[name];
  return {
    ...functionEnvironment(name, {
      stage,
      table: facts.tableName,
      // As stacks/stage.ts names things.
      secrets: `runlet/${stage}`,
      poller: `runlet-${stage}-poller`,
      kmsKey: facts.kmsKey,
      // Progress and summary are read from the log.
      logLevel: "debug",
      webhooks: [{ scope: facts.configUrl, hookId: 1 }],
    }),
    RUNLET_PROFILE: "demo",
    ...(facts.allowLoopback && { RUNLET_ALLOW_LOOPBACK: "1" }),
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_ENDPOINT_URL: motoUrl,
    AWS_ENDPOINT_URL_DYNAMODB: dynamodbUrl,
    AWS_ENDPOINT_URL_LAMBDA: invokeUrl,
    AWS_ENDPOINT_URL_EKS: eksUrl,
    AWS_ENDPOINT_URL_STS: eksUrl,
    // Containers share what was compiled, as they do on one machine anyway (local/local-environment.ts).
    NODE_COMPILE_CACHE: join(facts.home, "code-cache"),
  };
}
