// Why: a store may apply a write and lose the answer (a client library that retries then fails its own
// condition: awslabs/amazon-kinesis-client LeaseRenewer re-reads for the same reason). Whoever writes
// must know how it ended, so every conditional write of ours is settled by re-reading its own version.
import { backoffMs } from "@runlet/runtime/backoff";
import type { Clock } from "@runlet/runtime/clock";
import { withDeadline } from "@runlet/runtime/deadline";
import type { Random } from "@runlet/runtime/random";
import { TableError, type Condition, type Row, type Table } from "./table.ts";

export interface SettleDeps {
  table: Table;
  clock: Clock;
  random: Random;
  /** Time limit of one call to the table; default 3 s. */
  callMs?: number;
}

export type SettledPut = { kind: "put" } | { kind: "refused"; current: Row | undefined };

const triesMax = 4;
const retryBackoff = { baseMs: 20, capMs: 500 };

/**
 * Writes `row` if the condition holds, and says what became of it even if answers were lost: the same row
 * with the same version may safely be sent again. Throws the last error when the table did not answer in
 * four tries (unknown), and TableError at once (not written).
 */
export async function putSettled(deps: SettleDeps, row: Row, when: Condition): Promise<SettledPut> {
  return retry(deps, async (call) => {
    try {
      if ((await call(() => deps.table.put(row, when))) === "put") return { kind: "put" };
    } catch (error) {
      if (error instanceof TableError) throw error;
      const current = await call(() => deps.table.get(row.key));
      if (current?.version === row.version) return { kind: "put" };
      if (stillHolds(when, current)) throw error;
      return { kind: "refused", current };
    }
    const current = await call(() => deps.table.get(row.key));
    return current?.version === row.version ? { kind: "put" } : { kind: "refused", current };
  });
}

/** Reads a row, with the same tries and limits. */
export function getSettled(deps: SettleDeps, key: string): Promise<Row | undefined> {
  return retry(deps, (call) => call(() => deps.table.get(key)));
}

/** Lists rows, with the same tries and limits. */
export function listSettled(deps: SettleDeps, prefix: string): Promise<Row[]> {
  return retry(deps, (call) => call(() => deps.table.list(prefix)));
}

/** Removes a row of a version; "absent" also when an earlier try of this call has removed it. */
export function removeSettled(
  deps: SettleDeps,
  key: string,
  version: string,
): Promise<"removed" | "absent" | "refused"> {
  return retry(deps, (call) => call(() => deps.table.remove(key, version)));
}

type Call = <T>(run: () => Promise<T>) => Promise<T>;

async function retry<T>(deps: SettleDeps, run: (call: Call) => Promise<T>): Promise<T> {
  const call: Call = (one) => withDeadline(deps.clock, deps.callMs ?? 3_000, undefined, one);
  for (let attempt = 0; ; attempt++) {
    try {
      return await run(call);
    } catch (error) {
      if (error instanceof TableError || attempt + 1 >= triesMax) throw error;
    }
    await deps.clock.sleep(backoffMs(deps.random, retryBackoff, attempt));
  }
}

function stillHolds(when: Condition, current: Row | undefined): boolean {
  return "absent" in when ? current === undefined : current?.version === when.version;
}
