// Why: the three functions as functions/aws-root.ts composes them, in this thread and over metered ports.
import { createDynamodbTable } from "@runlet/coordination/dynamodb-table";
import type { PollerEvent } from "@runlet/coordination/invoker";
import { createShardCiphers } from "@runlet/coordination/data-keys";
import { createSecretCredentials } from "@runlet/coordination/secret-credentials";
import { createCachedSecrets } from "@runlet/coordination/secrets";
import { runShard } from "@runlet/control-plane/poller/run-shard";
import { followFailure } from "@runlet/control-plane/sweep/follow-failure";
import { runSweep } from "@runlet/control-plane/sweep/run-sweep";
import { createAccessFinder } from "@runlet/runlet/compose/access-finder";
import { composeControlPlane } from "@runlet/runlet/compose/control-plane";
import { composeWebhook } from "@runlet/runlet/compose/webhook";
import type { Functions } from "@runlet/runlet/world/functions";
import type { FunctionParts } from "@runlet/runlet/world/world";
import { createLog } from "@runlet/runtime/log";
import { createMetrics } from "@runlet/runtime/metrics";
import { createSeededRandom } from "@runlet/runtime/random";
import { renderKubeconfig } from "@runlet/simulators/kube-api/kubeconfig";
import { createContainers, type CpuTimes } from "./containers.ts";
import type { MemoryDynamodb } from "./memory-dynamodb.ts";
import type { Meter, Part } from "./meter.ts";
import {
  createDistantCall,
  createMeteredFetch,
  createMeteredSecrets,
  createMeteredWrapping,
  roundTripMs,
} from "./metered-ports.ts";
import { platformLines } from "./platform-lines.ts";

export interface MeteredDeps {
  parts: FunctionParts;
  meter: Meter;
  cpu: CpuTimes;
  dynamodb: MemoryDynamodb;
  /** Of any CA: nobody connects. */
  caPem: string;
}

const stage = "prod";
const prefix = `runlet/${stage}`;

export interface MeteredFunctions extends Functions {
  /** One sweep now, beside those of the schedule. */
  sweepOnce(): Promise<void>;
}

/** Functions that begin to work with `startSweeping`. */
export async function createMeteredFunctions(deps: MeteredDeps): Promise<MeteredFunctions> {
  const { parts, meter, dynamodb } = deps;
  const { clock, settings, transport } = parts;
  const random = createSeededRandom(parts.random.int(2 ** 31));
  const stop = new AbortController();
  const stored = createMeteredSecrets({ clock, meter }, await listSecrets(deps));
  const wrapping = createMeteredWrapping({ clock, meter }, random);
  const fetch = createMeteredFetch({ clock, meter }, transport.fetch, transport.serviceUrl);
  const invoker = { invoke };

  /** What functions/aws-ports.ts makes once a container. */
  function createPorts() {
    const own = createSeededRandom(random.int(2 ** 31));
    const write = (line: string) => meter.logged(line);
    return {
      clock,
      random: own,
      invoker,
      settings,
      table: createDynamodbTable(createDistantCall({ clock }, dynamodb.call), "runlet"),
      log: createLog({ write, wallMs: clock.wallMs }, { level: "info" }),
      metrics: createMetrics({ write, clock }, { stage }),
      secrets: createCachedSecrets({ secrets: stored, clock }),
    };
  }
  async function startRoot() {
    const ports = createPorts();
    const { secrets, metrics } = ports;
    const closable = Object.assign(fetch, { close: () => {} });
    const find = createAccessFinder({ ...ports, createFetch: () => closable });
    const controlPlane = await composeControlPlane({
      ...ports,
      credentials: createSecretCredentials(secrets, `${prefix}/github`),
      cipherFor: createShardCiphers({ ...ports, wrapping, stage }),
      fetchFor: () => fetch,
      accessTo: ({ name }) => find({ name, accessRef: `secret:${prefix}/clusters/${name}` }),
    });
    return { ...controlPlane, flush: () => metrics.flush() };
  }
  async function startWebhook() {
    const ports = createPorts();
    const { secrets, metrics } = ports;
    const webhookSecrets = async () => [(await secrets.find(`${prefix}/webhook`)) ?? ""];
    return { app: composeWebhook({ ...ports, webhookSecrets }), flush: () => metrics.flush() };
  }
  const inPoller = createContainers({ ...deps, clock }, "poller", startRoot);
  const inSweep = createContainers({ ...deps, clock }, "sweep", startRoot);
  const inWebhook = createContainers({ ...deps, clock }, "webhook", startWebhook);
  const log = (part: Part) => platformLines(part).forEach((line) => meter.logged(line));

  async function invoke(event: PollerEvent): Promise<void> {
    await clock.sleep(roundTripMs.aws);
    if (!stop.signal.aborted) void runPoller(event);
  }
  async function runPoller({ shard, reason }: PollerEvent) {
    const deadlineMs = clock.nowMs() + settings.invocationMs;
    const invocationId = random.uuid();
    log("poller");
    const run = { shard, reason, invocationId, deadlineMs, signal: stop.signal };
    await inPoller(({ pollerFor, flush }) => runShard(pollerFor(shard), run).finally(flush)).catch(
      async (error: unknown) => {
        parts.log.error("invocation_failed", { shard, error });
        await inSweep(({ sweep }) => followFailure(sweep, { shard, reason }));
      },
    );
  }
  async function sweepOnce() {
    log("sweep");
    await inSweep(({ sweep, flush }) => runSweep(sweep, stop.signal).finally(flush)).catch(
      (error: unknown) => {
        if (!stop.signal.aborted) parts.log.error("sweep_failed", { error });
      },
    );
  }
  return {
    invoke,
    async deliver(headers, body) {
      log("webhook");
      return inWebhook(async ({ app, flush }) => {
        const request = { method: "POST", headers, body };
        const answer = await app.request("https://webhook.test/webhook", request);
        flush();
        return answer.status;
      });
    },
    startSweeping() {
      void (async () => {
        while (!stop.signal.aborted) {
          // The scheduler's minute has no beat in common with a heartbeat.
          clock.after(random.int(settings.heartbeatMs), () => void sweepOnce());
          await clock.sleep(settings.sweepEveryMs, stop.signal).catch(() => {});
        }
      })();
    },
    sweepOnce,
    running: () => [],
    stop: async () => stop.abort(new Error("the world ends")),
  };
}

/** As they stand in Secrets Manager. */
async function listSecrets({ parts, caPem }: MeteredDeps): Promise<Record<string, string>> {
  const { clusters, configUrl, pat, webhookSecret } = parts;
  const { host, pathname } = new URL(configUrl);
  const texts: Record<string, string> = {
    [`${prefix}/webhook`]: webhookSecret,
    [`${prefix}/github/${host}${pathname}`]: pat,
  };
  for (const [name, { access }] of clusters) {
    const token = (await access.token?.()) ?? "";
    const { server } = access;
    texts[`${prefix}/clusters/${name}`] = renderKubeconfig({ name, server, caPem, token });
  }
  return texts;
}
