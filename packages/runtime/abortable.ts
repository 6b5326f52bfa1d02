// Why: work that many callers share (a connection being opened, a token being fetched) must go on when
// one of them gives up; only that caller's wait may end.

/** `call`, or a rejection with the signal's reason as soon as it aborts. `call` itself is left alone. */
export function abortable<T>(call: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return call;
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason as Error);
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
    const end = () => signal.removeEventListener("abort", onAbort);
    call.then(resolve, reject).then(end, end);
  });
}
