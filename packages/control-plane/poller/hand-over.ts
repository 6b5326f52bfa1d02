// Why: an invocation ends after minutes, the service must not notice. The successor is there before the holder lets
// go, and the polls stay open until the successor's end them: no instant passes without one.
import { LeaseLost } from "@runlet/coordination/lease";
import { describeError } from "@runlet/runtime/log";
import type { Shard } from "./shard.ts";

/** Starts a successor, gives it the shard, and keeps the polls open as long as there is time. */
export async function handOver(shard: Shard): Promise<"handed-over" | "lost"> {
  const { clock, settings, metrics } = shard.deps;
  const startedAt = clock.nowMs();
  await startSuccessor(shard);
  const successor = await awaitSuccessor(shard, startedAt + settings.reserveMs / 2);
  if (successor !== undefined) await announce(shard);
  await endEffects(shard, settings.reserveMs / 8);
  const released = await shard.lease.release({ state: "released" });
  metrics.count("hand-overs");
  shard.log.info("shard_handed_over", { successor, released });
  await Promise.all([seeTaken(shard, successor), leavePollsOpen(shard)]);
  return released === "released" ? "handed-over" : "lost";
}

async function startSuccessor(shard: Shard): Promise<void> {
  try {
    await shard.deps.invoker.invoke({ shard: shard.run.shard, reason: "successor" });
  } catch (error) {
    shard.log.warn("successor_not_started", { error: describeError(error) });
  }
}

/** Its id once it has registered; undefined when none came in time, also not after a second start. */
async function awaitSuccessor(shard: Shard, until: number): Promise<string | undefined> {
  const { clock, settings } = shard.deps;
  const againAt = clock.nowMs() + (until - clock.nowMs()) / 2;
  let again = false;
  while (clock.nowMs() < until) {
    shard.signal.throwIfAborted();
    const found = await shard.lease.findSuccessor().catch(() => undefined);
    if (found !== undefined) return found;
    if (!again && clock.nowMs() >= againAt) {
      again = true;
      await startSuccessor(shard);
    }
    await clock.sleep(settings.waiterReadMs, shard.signal);
  }
  shard.log.warn("successor_missing", { successor: undefined });
  return undefined;
}

/** Turns under way may end; one that takes too long is cut off, and its message comes again. */
async function endEffects(shard: Shard, limitMs: number): Promise<void> {
  const limit = new AbortController();
  const slept = shard.deps.clock.sleep(limitMs, limit.signal).catch(() => {});
  await Promise.race([shard.turns.close(), slept]);
  limit.abort(new Error("the turns have ended"));
  shard.endEffects();
}

/**
 * Whoever has set the wake flag saw a holder and left it at that. A registered successor reads it, and is disturbed by
 * nobody: one that is invoked now has listed nothing. Only if it has not taken the lease it is followed.
 */
async function seeTaken(shard: Shard, successor: string | undefined): Promise<void> {
  const { clock, invoker, leases, settings } = shard.deps;
  if (successor === undefined) return startSuccessor(shard);
  await clock.sleep(settings.waiterReadMs, shard.run.signal).catch(() => {});
  if (shard.run.signal.aborted) return;
  const lease = await leases.read(shard.run.shard).catch(() => undefined);
  if (lease && (lease.state !== "released" || lease.holder !== shard.run.invocationId)) return;
  shard.log.warn("successor_missing", { successor });
  await invoker.invoke({ shard: shard.run.shard, reason: "failure" }).catch(() => {});
}

/**
 * A successor reads the lease more often once it knows; it hears of that with its next read, and until then all goes on
 * here. From the release on a set whose poll ends has none.
 */
async function announce(shard: Shard): Promise<void> {
  const { clock, settings } = shard.deps;
  try {
    await shard.lease.announce();
  } catch (error) {
    if (error instanceof LeaseLost) throw error;
    shard.log.warn("release_not_announced", { error: describeError(error) });
  }
  await clock.sleep(settings.waiterReadMs, shard.signal);
}

/** The service ends a poll when the same session polls anew; what ours still bring is ignored. */
async function leavePollsOpen(shard: Shard): Promise<void> {
  const { clock, settings } = shard.deps;
  const spareMs = Math.min(1_000, settings.reserveMs / 8);
  const leftMs = Math.max(0, shard.run.deadlineMs - clock.nowMs() - spareMs);
  const limit = new AbortController();
  const waiting = AbortSignal.any([limit.signal, shard.run.signal]);
  const slept = clock.sleep(leftMs, waiting).catch(() => {});
  await Promise.race([shard.polls.close(), slept]);
  limit.abort(new Error("the polls have ended"));
}
