// Why: a loop that waits for something must also end when its signal aborts.

/** Resolves when `what` does or when `signal` aborts, whichever is first. Leaves no listener behind. */
export async function race(signal: AbortSignal, what: Promise<unknown>): Promise<void> {
  if (signal.aborted) return;
  const aborted = Promise.withResolvers<void>();
  const onAbort = () => aborted.resolve();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    await Promise.race([what, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
