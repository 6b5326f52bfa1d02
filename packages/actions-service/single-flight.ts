// Why: two callers who want the same thing at once share one call, and one who leaves does not take it
// from the other: the call is aborted only when nobody waits for it any more.

export interface SingleFlight<T> {
  /** Joins the call under way for `key`, or starts one. Rejects with `signal`'s reason when that aborts. */
  run(
    key: string,
    signal: AbortSignal | undefined,
    start: (signal: AbortSignal) => Promise<T>,
  ): Promise<T>;
}

export function createSingleFlight<T>(): SingleFlight<T> {
  const flights = new Map<
    string,
    { promise: Promise<T>; abort: AbortController; waiting: number }
  >();

  function takeOff(key: string, start: (signal: AbortSignal) => Promise<T>) {
    const abort = new AbortController();
    const flight = { promise: start(abort.signal), abort, waiting: 0 };
    const land = () => {
      if (flights.get(key) === flight) flights.delete(key);
    };
    flight.promise.then(land, land);
    flights.set(key, flight);
    return flight;
  }

  return {
    async run(key, signal, start) {
      signal?.throwIfAborted();
      const flight = flights.get(key) ?? takeOff(key, start);
      flight.waiting++;
      const { promise: left, reject } = Promise.withResolvers<never>();
      const leave = () => {
        flight.waiting--;
        if (flight.waiting === 0) {
          flights.delete(key);
          flight.abort.abort(signal?.reason);
        }
        reject(signal?.reason);
      };
      signal?.addEventListener("abort", leave, { once: true });
      try {
        return await Promise.race([flight.promise, left]);
      } finally {
        signal?.removeEventListener("abort", leave);
      }
    },
  };
}
