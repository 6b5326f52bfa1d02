// Why: Ctrl-C reaches a program twice when a launcher passes signals on: from the terminal, which sends it to the whole
// group, and from the launcher. The second must not kill what the first has begun to end in order.

/** Repeats within this time are the same wish. */
const sameWishMs = 1_000;

/**
 * Resolves with the first SIGINT or SIGTERM. A further one after a second is impatience, and ends the process at
 * once with exit code 130.
 */
export function untilStopped(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let firstAt: number | undefined;
    const onSignal = (signal: NodeJS.Signals) => {
      const now = performance.now();
      firstAt ??= now;
      if (now - firstAt > sameWishMs) process.exit(130);
      resolve(signal);
    };
    process.on("SIGINT", onSignal);
    process.on("SIGTERM", onSignal);
  });
}
