// Why: the composition root of poller and sweep in the cloud: environment → settings → adapters. Memoised per container.
import { createShardCiphers } from "@runlet/coordination/data-keys";
import { createKms } from "@runlet/coordination/kms";
import { createSecretCredentials } from "@runlet/coordination/secret-credentials";
import { composeControlPlane, type ControlPlane } from "@runlet/runlet/compose/control-plane";
import { createGithubFetch } from "@runlet/runlet/compose/github-fetch";
import { createStageWays } from "@runlet/runlet/compose/stage-ways";
import { parseWebhooks } from "@runlet/runlet/compose/webhook-sources";
import type { Clock } from "@runlet/runtime/clock";
import { createAwsPorts } from "./aws-ports.ts";

export interface Root extends ControlPlane {
  clock: Clock;
  /** Writes the figures of an invocation that ends. */
  flush(): void;
}

let root: Promise<Root> | undefined;

/** The container's control plane. A failed start is tried again by the next invocation. */
export function createRoot(): Promise<Root> {
  root ??= start().catch((error: unknown) => {
    root = undefined;
    throw error;
  });
  return root;
}

async function start(): Promise<Root> {
  const ports = createAwsPorts();
  const { environment, clock, secrets, metrics } = ports;
  const { stage, secretsPrefix, settings } = environment;
  const { way, accessTo } = createStageWays(ports, environment);
  const credentials = createSecretCredentials(secrets, `${secretsPrefix}/github`);
  const wrapping = createKms(ports.aws.kms, environment.kmsKey());
  const controlPlane = await composeControlPlane({
    ...ports,
    settings,
    credentials,
    cipherFor: createShardCiphers({ ...ports, wrapping, stage }),
    fetchFor: (credential) => createGithubFetch(clock, credential, way),
    accessTo,
    webhooks: parseWebhooks(environment.webhooks),
  });
  return { clock, ...controlPlane, flush: () => metrics.flush() };
}
