// Why: whatever there is a limited number of (sockets, calls in flight) is taken in turn, and whoever
// gives up waiting leaves the queue.

export interface Slots {
  /** Resolves when one is free, in the order of asking; call the result to give it back (once). */
  take(signal?: AbortSignal): Promise<() => void>;
  /** Taken now. */
  inUse(): number;
}

interface Waiter {
  enter: () => void;
}

/** `most` slots. */
export function createSlots(most: number): Slots {
  const waiting = new Set<Waiter>();
  let used = 0;

  const leave = () => {
    let left = false;
    return () => {
      if (left) return;
      left = true;
      const [next] = waiting;
      if (!next) used--;
      else next.enter();
    };
  };
  return {
    async take(signal) {
      signal?.throwIfAborted();
      if (used < most) {
        used++;
        return leave();
      }
      await new Promise<void>((resolve, reject) => {
        const onAbort = () => {
          waiting.delete(waiter);
          reject(signal?.reason as Error);
        };
        const enter = () => {
          waiting.delete(waiter);
          signal?.removeEventListener("abort", onAbort);
          resolve();
        };
        const waiter = { enter };
        waiting.add(waiter);
        signal?.addEventListener("abort", onAbort, { once: true });
      });
      return leave();
    },
    inUse: () => used,
  };
}
