// Why: a holder writes its row again and again, and an answer may be lost or a write arrive late. It still
// holds the row as long as what is there is one of its own writes; anybody else's ends it.
import { putSettled, type SettleDeps } from "./put-settled.ts";
import type { JsonObject } from "./table.ts";

export interface OwnRow {
  /** Monotonic ms just before the last write that is known to have arrived. */
  startMs(): number;
  /** Writes `value`. "lost": somebody else's write, or none, is there. Throws when nobody can know. */
  move(value: JsonObject): Promise<"moved" | "lost">;
}

/** The row at `key`, of which this writer wrote `version`. Calls must not overlap (serial.ts). */
export function createOwnRow(
  deps: SettleDeps,
  key: string,
  first: { version: string; startMs: number },
): OwnRow {
  let { version, startMs } = first;
  /** Everything of ours that may be there: the last known write, and those whose answer is missing. */
  let own = new Set([version]);
  return {
    startMs: () => startMs,
    async move(value) {
      const row = { key, version: deps.random.uuid(), value };
      own.add(row.version);
      const writtenMs = deps.clock.nowMs();
      for (let after = version; ;) {
        const result = await putSettled(deps, row, { version: after });
        if (result.kind === "put") break;
        const there = result.current?.version;
        // Each version is current at most once, so this ends.
        if (there === undefined || !own.has(there)) return "lost";
        after = there;
      }
      version = row.version;
      startMs = writtenMs;
      own = new Set([version]);
      return "moved";
    },
  };
}
