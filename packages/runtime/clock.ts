// Why: time is an outside world too. Everything that waits or measures takes a Clock, so that a test
// can own time (virtual-clock.ts) and production code cannot tell the difference.

/** Time, as a port. `nowMs` measures (it never jumps), `wallMs` stamps what other people read. */
export interface Clock {
  /** Milliseconds on a monotonic clock: for deadlines, leases and durations. */
  nowMs(): number;
  /** Milliseconds since 1970: for stamps, token expiry and log lines; never for a deadline. */
  wallMs(): number;
  /** Resolves after `ms`; rejects with the signal's reason as soon as it is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls `run` once after `ms`, unless the returned function is called first. */
  after(ms: number, run: () => void): () => void;
}

/** `Clock.sleep` for any `after`: rejects on abort and leaves no listener or timer behind. */
export function sleepWith(after: Clock["after"], ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason as Error);
    const onAbort = () => {
      cancel();
      reject(signal?.reason as Error);
    };
    const cancel = after(ms, () => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    });
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

/** The machine's own clock. */
export function createSystemClock(): Clock {
  // setTimeout fires at once for delays above 2^31-1 ms; no wait of ours is that long on purpose.
  const after = (ms: number, run: () => void) => {
    const timer = setTimeout(run, Math.min(Math.max(0, ms), 2_147_483_647));
    return () => clearTimeout(timer);
  };
  return {
    nowMs: () => performance.now(),
    wallMs: () => Date.now(),
    after,
    sleep: (ms, signal) => sleepWith(after, ms, signal),
  };
}
