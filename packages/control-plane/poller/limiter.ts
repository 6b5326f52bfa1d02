// Why: an invocation may have a bounded number of calls in flight to one destination, and a scale set with a thousand
// things to do must not stand in front of one with a single job: the queue is served in turn by key.

export interface Limiter {
  /** Runs `call` when there is room; rejects with the signal's reason when aborted while waiting. */
  run<T>(key: string, signal: AbortSignal, call: () => Promise<T>): Promise<T>;
}

/** At most `atOnce` calls in flight in all, and at most half of them (rounded up) for one key. */
export function createLimiter(atOnce: number): Limiter {
  const perKey = Math.ceil(atOnce / 2);
  const waiting = new Map<string, (() => void)[]>();
  const running = new Map<string, number>();
  let total = 0;

  function startNext(): void {
    while (total < atOnce) {
      const key = [...waiting.keys()].find((one) => (running.get(one) ?? 0) < perKey);
      if (key === undefined) return;
      const queue = waiting.get(key) ?? [];
      const start = queue.shift();
      // To the back of the line, so that every key has its turn.
      waiting.delete(key);
      if (queue.length > 0) waiting.set(key, queue);
      start?.();
    }
  }

  function enter(key: string): void {
    total++;
    running.set(key, (running.get(key) ?? 0) + 1);
  }

  function leave(key: string): void {
    total--;
    const left = (running.get(key) ?? 1) - 1;
    if (left > 0) running.set(key, left);
    else running.delete(key);
    startNext();
  }

  function admit(key: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const start = () => {
        signal.removeEventListener("abort", onAbort);
        enter(key);
        resolve();
      };
      const onAbort = () => {
        const queue = (waiting.get(key) ?? []).filter((one) => one !== start);
        if (queue.length > 0) waiting.set(key, queue);
        else waiting.delete(key);
        reject(signal.reason as Error);
      };
      signal.addEventListener("abort", onAbort, { once: true });
      waiting.set(key, [...(waiting.get(key) ?? []), start]);
      startNext();
    });
  }

  return {
    async run(key, signal, call) {
      await admit(key, signal);
      try {
        return await call();
      } finally {
        leave(key);
      }
    },
  };
}
