// Why: the composition root of a function's process on one machine: environment → settings → adapters. Memoised
// per container, as in the cloud.
import { readFile } from "node:fs/promises";
import { createCipher } from "@runlet/coordination/cipher";
import { readOrCreateKeyFile } from "@runlet/coordination/key-file";
import { createLambdaInvoker } from "@runlet/coordination/lambda-invoker";
import { createSqliteTable } from "@runlet/coordination/sqlite-table";
import { openStateFile } from "@runlet/coordination/state-file";
import { createSystemClock, type Clock } from "@runlet/runtime/clock";
import { createHttpFetch } from "@runlet/runtime/http";
import { createLog } from "@runlet/runtime/log";
import { createSystemRandom } from "@runlet/runtime/random";
import { readLocalConfigPath } from "@runlet/runtime/settings-environment";
import type { Hono } from "hono";
import { composeControlPlane, type ControlPlane } from "../compose/control-plane.ts";
import { createGithubFetch } from "../compose/github-fetch.ts";
import { composeWebhook } from "../compose/webhook.ts";
import { readLocalConfig, settingsOf } from "./config.ts";
import { countInLog } from "./count.ts";
import { createLocalSecrets } from "./local-secrets.ts";

export interface Root extends ControlPlane {
  clock: Clock;
  webhook: Hono;
  /** Writes the figures of an invocation that ends; here they are in the log already. */
  flush(): void;
}

let root: Promise<Root> | undefined;

/** The process's control plane. A failed start is tried again by the next invocation. */
export function createRoot(): Promise<Root> {
  root ??= start().catch((error: unknown) => {
    root = undefined;
    throw error;
  });
  return root;
}

async function start(): Promise<Root> {
  const config = readLocalConfig(readLocalConfigPath());
  const clock = createSystemClock();
  const random = createSystemRandom();
  const write = (line: string) => void process.stdout.write(`${line}\n`);
  const log = createLog({ write, wallMs: clock.wallMs }, { level: config.logLevel });
  const busy = { clock, random };
  const table = createSqliteTable(busy, await openStateFile(busy, config.stateFile));
  const http = createHttpFetch({ clock });
  const { credentials, accessTo } = createLocalSecrets({ clock, random, log }, config);
  const key = readOrCreateKeyFile(config.keyFile, random);
  const cipher = createCipher({ key, nonce: (bytes) => random.bytes(bytes) });
  const toPoller = { url: config.invokeUrl, functionName: "poller" };
  const invoker = createLambdaInvoker({ fetch: http, clock, ...toPoller });
  const ports = { clock, random, log, table, invoker, metrics: countInLog(log) };
  const controlPlane = await composeControlPlane({
    ...ports,
    settings: settingsOf(config),
    cipherFor: () => cipher,
    credentials,
    webhooks: config.webhooks ?? [],
    fetchFor: (credential) => createGithubFetch(clock, credential),
    accessTo,
  });
  const webhook = composeWebhook({
    ...ports,
    webhookSecrets: () =>
      Promise.all(
        config.webhookSecretFiles.map(async (file) => (await readFile(file, "utf8")).trim()),
      ),
  });
  return { clock, ...controlPlane, webhook, flush: () => {} };
}
