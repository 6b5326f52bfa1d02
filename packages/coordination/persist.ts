// Why: whoever wrote its lease and heard no answer may hold it or not, and must not leave before it knows: nobody
// else can take over a lease that has just begun.
import { backoffMs } from "@runlet/runtime/backoff";
import type { SettleDeps } from "./put-settled.ts";
import { TableError } from "./table.ts";

const retryBackoff = { baseMs: 50, capMs: 1_000 };

/**
 * Tries until it is known how `run` ended, at least once; `run` may be repeated. Throws the last error after `untilMs`
 * (monotonic), and TableError at once.
 */
export async function persist<T>(
  deps: Pick<SettleDeps, "clock" | "random">,
  untilMs: number,
  run: () => Promise<T>,
): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await run();
    } catch (error) {
      if (error instanceof TableError || deps.clock.nowMs() >= untilMs) throw error;
    }
    await deps.clock.sleep(backoffMs(deps.random, retryBackoff, attempt));
  }
}
