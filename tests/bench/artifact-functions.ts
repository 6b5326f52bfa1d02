// Why: what is deployed is bundles, told what the deployment tells them; a measurement of a function's size must be of those.
import { join } from "node:path";
import { keys } from "@runlet/coordination/keys";
import { createDynamodbTable } from "@runlet/coordination/dynamodb-table";
import { credentialNames } from "@runlet/coordination/secret-credentials";
import { bundleFunction, functionNames } from "@runlet/runlet/artifacts/bundle-function";
import { startDeployment } from "@runlet/runlet/local/deployment";
import type { SocketTransport } from "@runlet/runlet/world/transport-sockets";
import type { FunctionParts } from "@runlet/runlet/world/world";
import { functionEnvironment } from "@runlet/runtime/function-environment";
import { renderKubeconfig } from "@runlet/simulators/kube-api/kubeconfig";
import type { AccountServer } from "./account-server.ts";
import { countStageResources } from "./cost/stage-resources.ts";
import { createHandles, type BenchFunctions } from "./functions.ts";

const prefix = "runlet/bench";

export interface ArtifactOptions {
  home: string;
  account: AccountServer;
  nodePath?: string | undefined;
  /** Default: the deployment's. */
  webhookConcurrency?: number;
}

/** The three bundles in the function host, with `account` for AWS. `home` holds them and their compiled code. */
export async function createArtifactFunctions(
  parts: FunctionParts,
  transport: SocketTransport,
  { home, account, nodePath, ...options }: ArtifactOptions,
): Promise<BenchFunctions> {
  const { clock, random, log, settings, onLine } = parts;
  for (const name of functionNames) await bundleFunction(name, home);
  await register(parts, transport, account);
  const { webhookConcurrency } = { ...(await countStageResources()), ...options };
  const deployment = await startDeployment(
    { clock, random, log, fetch: transport.fetch },
    {
      settings,
      webhookPort: 0,
      webhookConcurrency,
      ...(nodePath !== undefined && { nodePath }),
      onLine,
      entryOf: (name) => join(home, `${name}.mjs`),
      environment: (invokeUrl, name) => ({
        ...functionEnvironment(name, {
          stage: "bench",
          table: "runlet",
          secrets: prefix,
          poller: "poller",
          kmsKey: "arn:aws:kms:eu-central-1:123456789012:key/bench",
          logLevel: "info",
          webhooks: [],
        }),
        RUNLET_ALLOW_LOOPBACK: "1",
        // What runs the bundle here has types, and what strips them would stay resident; from the cache it comes stripped.
        NODE_COMPILE_CACHE: join(home, "code-cache"),
        AWS_REGION: "eu-central-1",
        AWS_ACCESS_KEY_ID: "AKIDEXAMPLE",
        AWS_SECRET_ACCESS_KEY: "secret",
        AWS_ENDPOINT_URL: account.url,
        AWS_ENDPOINT_URL_LAMBDA: invokeUrl,
      }),
    },
  );
  return createHandles(parts, transport, deployment);
}

/** Credential, webhook secret and clusters, as the command line registers them. */
async function register(
  parts: FunctionParts,
  transport: SocketTransport,
  { secrets, dynamodb }: AccountServer,
): Promise<void> {
  const table = createDynamodbTable(dynamodb.call, "runlet");
  const [credential = ""] = credentialNames(`${prefix}/github`, parts.configUrl);
  secrets.set(credential, parts.pat).set(`${prefix}/webhook`, parts.webhookSecret);
  for (const [name, { access }] of parts.clusters) {
    const served = transport.clusters.get(name);
    if (!served) throw new Error(`cluster ${name} is not served`);
    const secret = `${prefix}/clusters/${name}`;
    const token = (await access.token?.()) ?? "";
    secrets.set(secret, renderKubeconfig({ name, ...served, token }));
    const value = { name, accessRef: `secret:${secret}` };
    await table.put({ key: keys.cluster(name), version: "bench", value }, { absent: true });
  }
}
