// Why: one invocation, from the wake to the hand-over, as a person would tell it.
import type { TakeResult } from "@runlet/coordination/lease";
import { LeaseLost } from "@runlet/coordination/lease";
import { backoffMs } from "@runlet/runtime/backoff";
import { describeError } from "@runlet/runtime/log";
import { attend } from "./attend.ts";
import { createClusters, type Clusters } from "./clusters.ts";
import type { PollerDeps, PollerResult, PollerRun } from "./deps.ts";
import { handOver } from "./hand-over.ts";
import { serveRows, type ServedRows } from "./serve-rows.ts";
import type { Serving } from "./serve-scale-set.ts";
import { createShard, type Shard } from "./shard.ts";
import { watchNextShard } from "./watch-next-shard.ts";

const rowsBackoff = { baseMs: 100, capMs: 2_000 };

/**
 * Serves a shard until shortly before the deadline, until it rests, or until somebody else has it. Never throws for
 * what the outside world does; nothing of it runs on after it has resolved.
 */
export async function runShard(deps: PollerDeps, run: PollerRun): Promise<PollerResult> {
  const end = new AbortController();
  const signal = AbortSignal.any([run.signal, end.signal]);
  const clusters = createClusters(deps, signal);
  try {
    await prepare(deps, run, clusters);
    const taken = await take(deps, run);
    if (taken.kind === "held") return { ended: "held", scaleSets: 0 };
    const shard = createShard(deps, run, taken, { clusters, signal });
    return await serve(shard);
  } catch (error) {
    if (run.signal.aborted) return { ended: "stopped", scaleSets: 0 };
    throw error;
  } finally {
    end.abort(new Error("the invocation has ended"));
  }
}

/**
 * Watches take a moment to fill: who will wait for the lease lists meanwhile; others may find it held. A successor comes
 * forward when its lists are in, since it is released to at once; a cluster that answers nobody, or a table that does
 * not, may delay that a little.
 */
async function prepare(deps: PollerDeps, run: PollerRun, clusters: Clusters): Promise<void> {
  if (run.reason !== "successor" && run.reason !== "failure") return;
  const limit = new AbortController();
  const until = AbortSignal.any([limit.signal, run.signal]);
  // The holder starts another one after a quarter of its reserve.
  const slept = deps.clock.sleep(deps.settings.reserveMs / 8, until).catch(() => {});
  const names = await Promise.race([watchClusters(deps, clusters, until), slept]);
  if (names && run.reason === "successor") {
    await Promise.race([clusters.ready(names, until), slept]);
  }
  limit.abort(new Error("the lists are in, or waited for no longer"));
}

/** Their names. Undefined: `until` was aborted before the rows could be read; whoever takes the lease reads them again. */
async function watchClusters(
  { clock, log, random, registry }: PollerDeps,
  clusters: Clusters,
  until: AbortSignal,
): Promise<string[] | undefined> {
  for (let attempt = 0; !until.aborted; attempt++) {
    try {
      const rows = (await registry.listClusters()).map(({ row }) => row);
      if (until.aborted) return undefined;
      clusters.watch(rows);
      return rows.map(({ name }) => name);
    } catch (error) {
      log.warn("rows_not_read", { error: describeError(error) });
    }
    await clock.sleep(backoffMs(random, rowsBackoff, attempt), until).catch(() => {});
  }
  return undefined;
}

/** A successor waits for its predecessor's release; anybody else looks whether the lease stands still. */
function take(deps: PollerDeps, run: PollerRun): Promise<TakeResult> {
  const { settings, clock } = deps;
  const isSuccessor = run.reason === "successor";
  const oneLengthMs = settings.leaseMs + 2 * settings.waiterReadMs;
  // A holder that started us ends within its reserve; if it has not, another successor was faster.
  const waitMs = isSuccessor
    ? Math.min(
        settings.reserveMs + oneLengthMs,
        run.deadlineMs - clock.nowMs() - settings.reserveMs,
      )
    : oneLengthMs;
  return deps.leases.take(run.shard, {
    holder: run.invocationId,
    waitMs: Math.max(0, waitMs),
    register: isSuccessor,
    signal: run.signal,
  });
}

async function serve(shard: Shard): Promise<PollerResult> {
  const rows = serveRows(shard);
  shard.log.info("shard_taken", { from: shard.takenFrom, reason: shard.run.reason });
  if (shard.takenFrom === "expired") shard.deps.metrics.count("take-overs");
  try {
    await startRows(shard, rows);
    void watchNextShard(shard, rows);
    if ((await attend(shard, rows)) === "rested")
      return { ended: "rested", scaleSets: rows.count() };
    return { ended: await handOver(shard), scaleSets: rows.count() };
  } catch (error) {
    if (error instanceof LeaseLost) {
      shard.log.warn("shard_lost", { why: error.message });
      return { ended: "lost", scaleSets: rows.count() };
    }
    await giveUp(shard);
    if (shard.run.signal.aborted) return { ended: "stopped", scaleSets: rows.count() };
    throw error;
  }
}

/** Whatever ended us: a lease that is released is free at once, one that is left must first run out. */
async function giveUp(shard: Shard): Promise<void> {
  shard.endEffects();
  try {
    await shard.lease.release({ state: "released" });
  } catch (error) {
    shard.log.warn("lease_not_released", { error: describeError(error) });
  }
}

/**
 * The rows are read after the fence was drawn: a set that moved away before is not among them. While the table is silent
 * the lease decides how long we wait for it: nobody else would be served sooner.
 */
async function startRows(shard: Shard, rows: ServedRows): Promise<void> {
  const from: Record<Shard["takenFrom"], Serving["from"]> = {
    released: "hand-over",
    expired: "death",
    new: "other",
    resting: "other",
  };
  const { clock, random, settings } = shard.deps;
  const until = shard.run.deadlineMs - settings.reserveMs;
  for (let attempt = 0; ; attempt++) {
    try {
      return await rows.refresh(from[shard.takenFrom]);
    } catch (error) {
      if (shard.hasEnded() || clock.nowMs() >= until) throw error;
      shard.log.warn("rows_not_read", { error: describeError(error) });
    }
    await clock.sleep(backoffMs(random, rowsBackoff, attempt), shard.signal);
  }
}
