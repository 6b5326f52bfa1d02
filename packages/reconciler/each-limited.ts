// Why: hundreds of writes at once would starve everybody else on a connection; one after the other takes
// a minute for 400 runners. And a pass that is told to stop, or whose cluster is away, should not go through the rest.
import { isClusterAway } from "./cluster-away.ts";

/**
 * Calls `run` for each item, `atOnce` at a time; waits for what has begun, then throws the first error. Begins no more
 * once the cluster does not answer, or `signal` aborts (then it throws too, if anything was left).
 */
export async function eachLimited<T>(
  items: readonly T[],
  { atOnce, signal }: { atOnce: number; signal: AbortSignal },
  run: (item: T) => Promise<void>,
): Promise<void> {
  const errors: unknown[] = [];
  const left = items.values();
  let isAway = false;
  const worker = async () => {
    while (!isAway && !signal.aborted) {
      const { done, value } = left.next();
      if (done) return;
      try {
        await run(value);
      } catch (error) {
        errors.push(error);
        isAway ||= isClusterAway(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
  if (errors.length > 0) throw errors[0];
  if (signal.aborted && !left.next().done) throw signal.reason;
}
