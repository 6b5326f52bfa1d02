// Why: the three functions as promises in this thread, each invocation with a lifeline of its own and composed anew
// from its ports, so that a kill takes everything with it. The rules are Lambda's: asynchronous invocation,
// no retry of the poller, a failure notice, a time limit, now and then an event that comes twice.
import { createCipher } from "@runlet/coordination/cipher";
import type { Credentials } from "@runlet/coordination/credentials";
import type { PollerEvent } from "@runlet/coordination/invoker";
import type { ClusterRow } from "@runlet/coordination/registry";
import type { Table } from "@runlet/coordination/table";
import type { PollerResult } from "@runlet/control-plane/poller/deps";
import { runShard } from "@runlet/control-plane/poller/run-shard";
import { followFailure } from "@runlet/control-plane/sweep/follow-failure";
import { runSweep } from "@runlet/control-plane/sweep/run-sweep";
import type { ClusterAccess } from "@runlet/kubernetes/client";
import type { Clock } from "@runlet/runtime/clock";
import type { Fetch } from "@runlet/runtime/fetch";
import type { Log } from "@runlet/runtime/log";
import { createSeededRandom, type Random } from "@runlet/runtime/random";
import type { Settings } from "@runlet/runtime/settings";
import { composeControlPlane, type ControlPlane } from "../compose/control-plane.ts";
import { composeWebhook } from "../compose/webhook.ts";
import { countInLog } from "../local/count.ts";
import type { Functions } from "./functions.ts";
import { createLifeline, type EffectPoint, type Lifeline, type Ports } from "./lifeline.ts";

export interface InProcessDeps {
  clock: Clock;
  random: Random;
  log: Log;
  table: Table;
  settings: Settings;
  credentials: Credentials;
  webhookSecret: string;
  fetch: Fetch;
  /** A cluster as the control plane reaches it, over `fetch`. */
  accessTo(row: ClusterRow, fetch: Fetch): Promise<ClusterAccess | undefined>;
  /** May strike an invocation at any line. */
  onEffect?: (point: EffectPoint, life: Lifeline, invocation: Invocation) => void;
  coldStartMs?: number;
  /** False: nobody is told of a failed invocation (only neighbours and the sweep see it). */
  failureNotices?: boolean;
  /** The sweep asks for failed webhooks of this scope. */
  redeliverFrom?: string;
  /** Chance that an asynchronous event comes twice. */
  doubled?: number;
  /** What sessions are sealed with; 32 bytes. Default: the same for every world. */
  sealKey?: Uint8Array;
}

export interface Invocation extends PollerEvent {
  id: string;
  startedAt: number;
  life: Lifeline;
  endedAt?: number;
  result?: PollerResult;
  error?: unknown;
}

export interface InProcessFunctions extends Functions {
  /** Every poller invocation so far, oldest first. */
  invocations(): readonly Invocation[];
  /** SIGKILL, at whatever line; an invocation that has ended stays as it is. */
  kill(invocation: Invocation): void;
  /** What dead invocations still tried: must stay empty. */
  afterDeath(): string[];
}

/** Functions over the given ports; nothing runs before the first invocation. */
export function createInProcessFunctions(deps: InProcessDeps): InProcessFunctions {
  const { clock, random, settings } = deps;
  const invocations: Invocation[] = [];
  const stop = new AbortController();

  async function invoke(event: PollerEvent): Promise<void> {
    if (stop.signal.aborted) return;
    start(event);
    if (random.next() < (deps.doubled ?? 0)) start(event);
  }

  function start(event: PollerEvent) {
    const { fetch, table, log } = deps;
    const life = createLifeline(
      { clock, fetch, table, log, invoker: { invoke } },
      (point, struck) => deps.onEffect?.(point, struck, invocation),
    );
    const id = `invocation-${invocations.length}`;
    const invocation: Invocation = { ...event, id, life, startedAt: clock.nowMs() };
    invocations.push(invocation);
    const seed = random.int(2 ** 31);
    clock.after(deps.coldStartMs ?? 60, () => void run(invocation, seed));
  }

  async function run(invocation: Invocation, seed: number) {
    const { life, shard, reason, id: invocationId } = invocation;
    if (life.state() === "dead" || stop.signal.aborted) return;
    const deadlineMs = clock.nowMs() + settings.invocationMs;
    const cancel = clock.after(settings.invocationMs, () => die(invocation, "time limit"));
    try {
      const { pollerFor } = await compose(life.ports, seed);
      const { signal } = new AbortController();
      invocation.result = await runShard(pollerFor(shard), {
        shard,
        reason,
        invocationId,
        deadlineMs,
        signal,
      });
    } catch (error) {
      invocation.error = error;
      deps.log.error("invocation_failed", { shard, invocationId, error });
      notifyFailure(invocation);
    }
    cancel();
    invocation.endedAt = clock.nowMs();
  }

  function die(invocation: Invocation, why: string) {
    if (invocation.endedAt !== undefined) return;
    invocation.life.kill();
    invocation.endedAt = clock.nowMs();
    deps.log.warn("invocation_killed", { shard: invocation.shard, id: invocation.id, why });
    notifyFailure(invocation);
  }

  /** The on-failure destination: the platform says at once that an invocation has failed. */
  function notifyFailure({ shard, reason, failures = 0 }: Invocation) {
    if (deps.failureNotices === false) return;
    const failed = { shard, reason, ...(failures > 0 && { failures }) };
    const follow = async () => {
      if (!stop.signal.aborted) await followFailure((await sweep()).sweep, failed);
    };
    clock.after(50, () => {
      follow().catch((error: unknown) => deps.log.warn("sweep_failed", { error }));
    });
  }

  function compose(ports: Required<Ports>, seed: number): Promise<ControlPlane> {
    const { credentials, redeliverFrom } = deps;
    const random = createSeededRandom(seed);
    const nonce = (bytes: number) => random.bytes(bytes);
    const key = deps.sealKey ?? new Uint8Array(32).fill(7);
    const cipher = createCipher({ key, nonce });
    return composeControlPlane({
      ...ports,
      random,
      settings,
      metrics: countInLog(ports.log),
      cipherFor: () => cipher,
      credentials,
      fetchFor: () => ports.fetch,
      accessTo: (row) => deps.accessTo(row, ports.fetch),
      webhooks: redeliverFrom ? [{ scope: redeliverFrom, hookId: 1 }] : [],
    });
  }

  const ownPorts = () => {
    const { fetch, table, log } = deps;
    return { clock, fetch, table, log, invoker: { invoke } };
  };
  const webhook = once(async () => {
    const ports = { ...ownPorts(), random: createSeededRandom(random.int(2 ** 31)) };
    const metrics = countInLog(ports.log);
    const webhookSecrets = async () => [deps.webhookSecret];
    return composeWebhook({ ...ports, metrics, webhookSecrets });
  });
  const sweep = once(() => compose(ownPorts(), random.int(2 ** 31)));

  async function sweepForEver() {
    while (!stop.signal.aborted) {
      await runSweep((await sweep()).sweep, stop.signal).catch((error: unknown) => {
        if (!stop.signal.aborted) deps.log.warn("sweep_failed", { error });
      });
      await clock.sleep(settings.sweepEveryMs, stop.signal).catch(() => {});
    }
  }

  return {
    invoke,
    async deliver(headers, body) {
      const app = await webhook();
      const request = new Request("https://webhook.test/webhook", {
        method: "POST",
        headers,
        body,
      });
      return (await app.fetch(request)).status;
    },
    startSweeping: () => void sweepForEver(),
    running: () =>
      invocations
        .filter(({ endedAt, life }) => endedAt === undefined && life.state() === "alive")
        .map((invocation) => ({
          shard: invocation.shard,
          name: invocation.id,
          kill: () => die(invocation, "killed"),
          freeze(forMs) {
            invocation.life.freeze();
            clock.after(forMs, () => invocation.life.thaw());
          },
        })),
    invocations: () => invocations,
    kill: (invocation) => die(invocation, "killed"),
    afterDeath: () => invocations.flatMap(({ life }) => life.afterDeath),
    async stop() {
      stop.abort(new Error("the world ends"));
      for (const { life } of invocations) life.kill();
    },
  };
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () =>
    (made ??= make().catch((error: unknown) => {
      made = undefined;
      throw error;
    }));
}
