// Why: when a holder dies without a word, its neighbour notices within a lease length; the sweep, which comes once a
// minute, is the last resort.
import { describeError } from "@runlet/runtime/log";
import type { ServedRows } from "./serve-rows.ts";
import type { Shard } from "./shard.ts";

/** Watches the lease of the shard after ours until `shard.signal` aborts; starts a poller when it has run out. */
export async function watchNextShard(shard: Shard, rows: ServedRows): Promise<void> {
  const { clock, leases, invoker, settings } = shard.deps;
  while (!shard.signal.aborted) {
    const next = nextShard(shard.run.shard, rows);
    try {
      if (next !== undefined && (await leases.watch(next, shard.signal)) === "still") {
        shard.log.warn("neighbour_died", { neighbour: next });
        await invoker.invoke({ shard: next, reason: "failure" });
        // Its take-over needs no second one beside it.
        await clock.sleep(settings.leaseMs, shard.signal);
      }
    } catch (error) {
      if (!shard.signal.aborted) {
        shard.log.warn("neighbour_not_watched", { error: describeError(error) });
      }
    }
    await clock.sleep(settings.heartbeatMs, shard.signal).catch(() => {});
  }
}

/** The shards of the registry stand in a ring. */
function nextShard(own: string, rows: ServedRows): string | undefined {
  const shards = [...new Set(rows.all().map(({ shard }) => shard))].toSorted();
  const next = shards.find((shard) => shard > own) ?? shards[0];
  return next === own ? undefined : next;
}
