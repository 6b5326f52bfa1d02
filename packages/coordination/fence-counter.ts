// Why: fences of all shards are drawn from one counter, so that a scale set that moves between shards is
// always served with a larger number than before.
import { backoffMs } from "@runlet/runtime/backoff";
import * as z from "zod/mini";
import { fenceMax, type Fence } from "./fence.ts";
import { keys } from "./keys.ts";
import { getSettled, putSettled, type SettleDeps } from "./put-settled.ts";
import { TableBusy, TableError } from "./table.ts";

export interface FenceCounter {
  /** The next number. Throws when the table does not answer; a number may be lost then, never reused. */
  draw(): Promise<Fence>;
  /** Raises the counter above `n` and draws. Throws RangeError when no number is left above it. */
  drawAbove(n: number): Promise<Fence>;
}

const counterRow = z.object({ n: z.int().check(z.gte(0)) });
/** Two takers at the same counter: one of them goes again at once, many spread out. */
const raceBackoff = { baseMs: 2, capMs: 100 };
const racesMax = 60;

/** The one counter of a deployment. */
export function createFenceCounter(deps: SettleDeps & { installation: string }): FenceCounter {
  async function drawAbove(least: number): Promise<Fence> {
    if (least >= fenceMax)
      throw new RangeError(`no fence is left above ${least}: correct it by hand`);
    for (let race = 0; race < racesMax; race++) {
      const row = await getSettled(deps, keys.fenceCounter);
      const n = Math.max(row ? parseCounter(row.value) : 0, least) + 1;
      const next = { key: keys.fenceCounter, version: deps.random.uuid(), value: { n } };
      const when = row ? { version: row.version } : ({ absent: true } as const);
      const result = await putSettled(deps, next, when);
      if (result.kind === "put") return { installation: deps.installation, n };
      await deps.clock.sleep(backoffMs(deps.random, raceBackoff, race));
    }
    throw new TableBusy(`the fence counter was written by others ${racesMax} times in a row`);
  }
  return { draw: () => drawAbove(0), drawAbove };
}

/** A counter that cannot be read must not restart at 1: old fences would be refused for ever after. */
function parseCounter(value: unknown): number {
  const parsed = counterRow.safeParse(value);
  if (parsed.success) return parsed.data.n;
  throw new TableError(`row ${keys.fenceCounter} is not a counter; restore it`);
}
