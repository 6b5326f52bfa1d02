// Why: heartbeat, announcement and release write one row; two at once would refuse each other.

/** Runs what it is given one after the other, in order of the calls; a failure does not stop the rest. */
export function createSerial(): <T>(run: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (run) => {
    const next = last.then(run, run);
    last = next.catch(() => {});
    return next;
  };
}
