// Why: a leader that was frozen, or cut off, must do nothing once another one may lead. So whatever it does goes through
// the term that it was elected for, and the term ends by this process's own monotonic clock (invariant I15).
import type { Clock } from "@runlet/runtime/clock";
import type { Fetch } from "@runlet/runtime/fetch";

export class LeadershipLost extends Error {
  override name = "LeadershipLost";
}

/** What a leader works by. */
export interface Term {
  /** Aborts when the work is to end: gently, or because the term is over. */
  stop: AbortSignal;
  /** A fetch that rejects with LeadershipLost where the lease may have run out; also calls that are under way. */
  guard(fetch: Fetch): Fetch;
}

export interface LeaseTerm extends Term {
  over: AbortSignal;
  /** The lease was written again, at the latest just after `fromMs` (monotonic). */
  extend(fromMs: number): void;
  end(why: string): void;
}

/** The part of a lease after which nothing is begun any more: what has begun needs time to end. */
const actingPart = 0.8;

/** A term whose lease was written just after `fromMs`; `gentle` ends its work, not the term. */
export function createTerm(
  clock: Clock,
  { fromMs, leaseMs, gentle }: { fromMs: number; leaseMs: number; gentle: AbortSignal },
): LeaseTerm {
  const over = new AbortController();
  let heldFromMs = fromMs;
  let cancel = () => {};
  const end = (why: string) => {
    cancel();
    over.abort(new LeadershipLost(why));
  };
  const wind = () => {
    cancel();
    const restMs = heldFromMs + leaseMs - clock.nowMs();
    cancel = clock.after(Math.max(0, restMs), () => end("the lease ran out"));
  };
  wind();
  return {
    over: over.signal,
    stop: AbortSignal.any([over.signal, gentle]),
    end,
    extend(from) {
      heldFromMs = from;
      if (!over.signal.aborted) wind();
    },
    guard: (fetch) => async (url, init) => {
      const beforeSend = () => {
        init?.beforeSend?.();
        over.signal.throwIfAborted();
        // After a freeze this line may run before the timer above does.
        const late = clock.nowMs() - heldFromMs > leaseMs * actingPart;
        if (late) throw new LeadershipLost("the lease is about to run out");
      };
      beforeSend();
      const signal = init?.signal ? AbortSignal.any([init.signal, over.signal]) : over.signal;
      return fetch(url, { ...init, signal, beforeSend });
    },
  };
}
