// Why: between "taken" and "over" a lease may be renewed, doubtful or lost, and effects wait at its gate.
// This is that life, apart from what is written to the row.
import type { Clock } from "@runlet/runtime/clock";
import type { Log } from "@runlet/runtime/log";
import { LeaseLost } from "./lease-lost.ts";

export interface LeaseLife {
  /** Aborted when the lease is lost. */
  lost: AbortSignal;
  /** Aborted when there are to be no more heartbeats. */
  beats: AbortSignal;
  /** Somebody else has it: everything ends at once. Returns the reason. */
  lose(why: string): LeaseLost;
  /** We give it up: no more heartbeats, no more effects. */
  giveUp(): void;
  /** A heartbeat succeeded: who waits at the gate looks again. */
  renewed(): void;
  /** Resolves while the time is before `untilMs`: at once, or after a renewal. Rejects with LeaseLost. */
  pass(untilMs: () => number): Promise<void>;
}

/** `signal` is the invocation's: aborted, it ends the heartbeats; the lease is lost when it runs out. */
export function createLeaseLife(
  deps: { clock: Clock; log: Log },
  shard: string,
  signal: AbortSignal,
  deadlineMs: () => number,
): LeaseLife {
  const { clock } = deps;
  const beats = new AbortController();
  const lost = new AbortController();
  const gate = createGate();
  let givenUp = false;
  let cancelLimit = () => {};

  function stopBeats(reason: LeaseLost) {
    signal.removeEventListener("abort", onAbort);
    cancelLimit();
    beats.abort(reason);
    gate.open();
  }
  function lose(why: string): LeaseLost {
    const reason = new LeaseLost(`the lease of shard ${shard} is lost: ${why}`);
    if (lost.signal.aborted) return reason;
    deps.log.warn("lease_lost", { why });
    lost.abort(reason);
    stopBeats(reason);
    return reason;
  }
  function onAbort() {
    stopBeats(new LeaseLost(`the invocation that serves shard ${shard} was aborted`));
    const why = "it ran out after its invocation was aborted";
    cancelLimit = clock.after(deadlineMs() - clock.nowMs(), () => lose(why));
  }
  if (signal.aborted) onAbort();
  else signal.addEventListener("abort", onAbort, { once: true });

  return {
    lost: lost.signal,
    beats: beats.signal,
    lose,
    giveUp() {
      givenUp = true;
      stopBeats(new LeaseLost(`the lease of shard ${shard} was given up`));
    },
    renewed: () => gate.open(),
    async pass(untilMs) {
      for (;;) {
        lost.signal.throwIfAborted();
        if (givenUp) throw new LeaseLost(`the lease of shard ${shard} was given up`);
        if (clock.nowMs() < untilMs()) return;
        beats.signal.throwIfAborted();
        await gate.opened();
      }
    },
  };
}

/** Opens for those who wait now, and is closed again. */
function createGate() {
  let next = Promise.withResolvers<void>();
  return {
    opened: () => next.promise,
    open() {
      next.resolve();
      next = Promise.withResolvers();
    },
  };
}
