// Why: a benchmark waits for what happens (a poll opened, a PATCH arrived), never for a time to pass, and compares the
// instants of two happenings.
import type { Clock } from "@runlet/runtime/clock";

export interface Happenings<T> {
  happened(one: T): void;
  /** Calls `listener` for each later one; the returned function ends that. */
  listen(listener: (one: T) => void): () => void;
  /** Resolves to the first later one for which `isIt` holds; rejects after `limitMs`. */
  until(what: string, limitMs: number, isIt: (one: T) => boolean): Promise<T>;
}

export function createHappenings<T>(clock: Clock): Happenings<T> {
  const listeners = new Set<(one: T) => void>();
  const listen = (listener: (one: T) => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  };
  return {
    happened: (one) => listeners.forEach((listener) => listener(one)),
    listen,
    until(what, limitMs, isIt) {
      const { promise, resolve, reject } = Promise.withResolvers<T>();
      const cancel = clock.after(limitMs, () =>
        end(() => reject(new Error(`no ${what} within ${limitMs} ms`))),
      );
      const unlisten = listen((one) => {
        if (isIt(one)) end(() => resolve(one));
      });
      const end = (act: () => void) => {
        cancel();
        unlisten();
        act();
      };
      return promise;
    },
  };
}
