// Why: the three functions as they are deployed, as bundles, in processes under the Lambda Runtime API: DynamoDB Local is
// their table, moto their secrets and keys, the function host's Invoke API their Lambda.
import { join } from "node:path";
import { keys } from "@runlet/coordination/keys";
import { credentialNames } from "@runlet/coordination/secret-credentials";
import type { Table } from "@runlet/coordination/table";
import { startDeployment } from "@runlet/runlet/local/deployment";
import { runningPollers, type ProcessFunctions } from "@runlet/runlet/world/functions-in-processes";
import type { SocketTransport } from "@runlet/runlet/world/transport-sockets";
import type { FunctionParts } from "@runlet/runlet/world/world";
import { renderKubeconfig } from "@runlet/simulators/kube-api/kubeconfig";
import { bundleFunction, functionNames } from "../bench/bundle-functions.ts";
import { dynamodbUrl } from "./dynamodb.ts";
import { createKey, createSecret, motoUrl, region, testCredentials } from "./moto.ts";

export interface AwsDeployment {
  stage: string;
  tableName: string;
  table: Table;
  /** May the functions reach this machine, where clusters and GitHub are simulated? */
  allowLoopback: boolean;
  /** Holds the bundles, and what containers share of compiled code. */
  home: string;
  /** Beside and instead of what the functions are told otherwise. */
  environment?: Record<string, string>;
}

/** Functions with their secrets in place and their clusters registered. */
export async function createAwsFunctions(
  parts: FunctionParts,
  transport: SocketTransport,
  deployment: AwsDeployment,
): Promise<ProcessFunctions> {
  const { clock, random, log, settings, onLine } = parts;
  const { stage, tableName, allowLoopback, home } = deployment;
  const prefix = `runlet/${stage}`;
  await storeSecrets(parts, transport, deployment, prefix);
  const kmsKey = await createKey(transport.fetch);
  for (const name of functionNames) await bundleFunction(name, home);
  const running = await startDeployment(
    { clock, random, log, fetch: transport.fetch },
    {
      settings,
      webhookPort: 0,
      onLine,
      entryOf: (name) => join(home, `${name}.mjs`),
      environment: (invokeUrl) => ({
        NODE_COMPILE_CACHE: join(home, "code-cache"),
        RUNLET_STAGE: stage,
        RUNLET_TABLE: tableName,
        RUNLET_SECRETS: prefix,
        RUNLET_POLLER: "poller",
        RUNLET_KMS_KEY: kmsKey,
        RUNLET_PROFILE: "demo",
        RUNLET_LOG_LEVEL: "debug",
        ...(allowLoopback && { RUNLET_ALLOW_LOOPBACK: "1" }),
        AWS_REGION: region,
        AWS_ACCESS_KEY_ID: testCredentials.accessKeyId,
        AWS_SECRET_ACCESS_KEY: testCredentials.secretAccessKey,
        AWS_ENDPOINT_URL: motoUrl(),
        AWS_ENDPOINT_URL_DYNAMODB: dynamodbUrl(),
        AWS_ENDPOINT_URL_LAMBDA: invokeUrl,
        ...deployment.environment,
      }),
    },
  );
  const { host, webhookUrl } = running;
  return {
    webhookUrl,
    invoke: (event) => host.invokeAsync("poller", JSON.stringify(event)),
    async deliver(headers, body) {
      const post = { method: "POST", headers, body };
      const answer = await transport.fetch(`${webhookUrl}/webhook`, post);
      await answer.text();
      return answer.status;
    },
    startSweeping: () => running.startSweeping(),
    running: () => runningPollers(running, parts),
    stop: () => running.stop(),
  };
}

async function storeSecrets(
  parts: FunctionParts,
  { fetch, clusters }: SocketTransport,
  { table }: AwsDeployment,
  prefix: string,
): Promise<void> {
  const [credential = ""] = credentialNames(`${prefix}/github`, parts.configUrl);
  await createSecret(fetch, credential, parts.pat);
  await createSecret(fetch, `${prefix}/webhook`, `the-one-before\n${parts.webhookSecret}\n`);
  for (const [name, { access }] of parts.clusters) {
    const served = clusters.get(name);
    if (!served) continue;
    const token = (await access.token?.()) ?? "";
    const secret = `${prefix}/clusters/${name}`;
    await createSecret(fetch, secret, renderKubeconfig({ name, ...served, token }));
    const value = { name, accessRef: `secret:${secret}` };
    await table.put({ key: keys.cluster(name), version: "test", value }, { absent: true });
  }
}
