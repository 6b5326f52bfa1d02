// Why: every retry in the house waits the same way: exponential, capped, with full jitter, so that
// many waiters do not come back together (AWS Architecture Blog, "Exponential Backoff And Jitter").
import type { Random } from "./random.ts";

/** How a series of retries waits. */
export interface Backoff {
  baseMs: number;
  capMs: number;
}

/** Milliseconds before retry number `attempt` (0 for the first retry): between half and all of the step. */
export function backoffMs(random: Random, backoff: Backoff, attempt: number): number {
  const step = Math.min(backoff.capMs, backoff.baseMs * 2 ** Math.min(attempt, 30));
  return Math.round(step / 2 + (random.next() * step) / 2);
}
