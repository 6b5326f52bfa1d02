// Why: whoever watched a lease stand still for its whole length knows that its holder is gone; whoever comes next must
// not have to watch as long again. The proof is the lease's version: while the row still has it, nobody has renewed.
import * as z from "zod/mini";
import { keys } from "./keys.ts";
import { getSettled, putSettled, type SettleDeps } from "./put-settled.ts";

const stoodStillRow = z.object({ version: z.string() });

/** Leaves word that the lease has stood at `version` for one whole length on a waiter's clock. */
export async function noteStoodStill(
  deps: SettleDeps,
  shard: string,
  version: string,
): Promise<void> {
  const key = keys.stoodStill(shard);
  const there = await getSettled(deps, key);
  const row = { key, version: deps.random.uuid(), value: { version } };
  // Refused: another watcher was faster, and says the same or something newer.
  await putSettled(deps, row, there ? { version: there.version } : { absent: true });
}

/** The version of the lease for which somebody has left that word. */
export async function findStoodStill(deps: SettleDeps, shard: string): Promise<string | undefined> {
  const row = await getSettled(deps, keys.stoodStill(shard));
  return stoodStillRow.safeParse(row?.value).data?.version;
}
