// Why: every call has a time limit, and the limit must be ours (virtual in tests), not the socket's.
import type { Clock } from "./clock.ts";

/** Thrown (as the abort reason) when a time limit of `withDeadline` has passed. */
export class DeadlineExceeded extends Error {
  override name = "DeadlineExceeded";
  readonly limitMs: number;
  constructor(limitMs: number) {
    super(`no answer within ${Math.round(limitMs)} ms`);
    this.limitMs = limitMs;
  }
}

/**
 * Runs `call` with a signal that is aborted after `limitMs` (reason: DeadlineExceeded) or with `signal`.
 * Rejects at that moment even if `call` ignores its signal. Leaves no timer and no listener behind.
 */
export async function withDeadline<T>(
  clock: Clock,
  limitMs: number,
  signal: AbortSignal | undefined,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const limit = new AbortController();
  const cancel = clock.after(limitMs, () => limit.abort(new DeadlineExceeded(limitMs)));
  const onAbort = () => limit.abort(signal?.reason);
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([call(limit.signal), rejectOnAbort(limit.signal)]);
  } finally {
    cancel();
    signal?.removeEventListener("abort", onAbort);
  }
}

function rejectOnAbort(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
  });
}
