// Why: a larger fence in the cluster or the store means one of two things: somebody took over, or somebody edited
// the number. The lease row and the scale set's row tell which.
import type { ServedSet } from "./scale-set.ts";
import type { Shard } from "./shard.ts";

/** Reads both rows: do we hold the shard, and does the shard have the scale set? */
export async function isStillOurs(shard: Shard, set: ServedSet): Promise<boolean> {
  await shard.guard();
  const { leases, registry } = shard.deps;
  const [lease, found] = await Promise.all([
    leases.read(shard.run.shard),
    registry.findScaleSet(set.row.key),
  ]);
  const holds = lease?.state === "held" && lease.holder === shard.run.invocationId;
  return holds && found?.row.shard === shard.run.shard;
}
