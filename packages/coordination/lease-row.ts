// Why: the lease row is read by every version of Runlet that is running during an update: unknown fields
// are passed over, and what cannot be understood is an error, never "free".
import * as z from "zod/mini";
import { keys } from "./keys.ts";
import type { LeaseView } from "./lease.ts";
import { getSettled, type SettleDeps } from "./put-settled.ts";
import { TableError, type JsonObject, type Row } from "./table.ts";

const leaseRow = z.object({
  holder: z.string(),
  state: z.enum(["held", "released", "resting"]),
  lengthMs: z.number().check(z.positive()),
  installation: z.string(),
  n: z.int().check(z.gte(0)),
  announced: z.boolean(),
  lookDueAt: z.optional(z.number()),
});

/** A lease as it was read, and when: its version is known to have stood since before `seenMs`. */
export interface LeaseRead {
  view: LeaseView;
  /** Monotonic ms just after the answer; earlier would count time the holder does not. */
  seenMs: number;
}

/** One settled read. */
export async function readLease(deps: SettleDeps, shard: string): Promise<LeaseRead | undefined> {
  const row = await getSettled(deps, keys.lease(shard));
  return row && { view: toView(shard, row), seenMs: deps.clock.nowMs() };
}

export function toView(shard: string, row: Row): LeaseView {
  const parsed = leaseRow.safeParse(row.value);
  if (!parsed.success) {
    throw new TableError(`row ${row.key} is no lease that this Runlet understands; update it`);
  }
  const { installation, n, lookDueAt, ...rest } = parsed.data;
  const view = { ...rest, shard, fence: { installation, n }, version: row.version };
  return lookDueAt === undefined ? view : { ...view, lookDueAt };
}

/** The row's value for what a holder wants to say. */
export function toValue(lease: Omit<LeaseView, "shard" | "version">): JsonObject {
  const { fence, lookDueAt, ...rest } = lease;
  const value = { ...rest, installation: fence.installation, n: fence.n };
  return lookDueAt === undefined ? value : { ...value, lookDueAt };
}
