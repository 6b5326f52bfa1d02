// Why: whoever was frozen while its lease ran out may wake in the middle of a write. After a take-over from the dead
// the clusters learn of the new fence before anything else is done, so that such a write is refused from then on.
import { annotations } from "@runlet/kubernetes/resources";
import { formatFence } from "@runlet/coordination/lease";
import { applyPair } from "./apply-pair.ts";
import { lookAtTargets } from "./look-at-targets.ts";
import { forget } from "./save.ts";
import type { ServedSet } from "./scale-set.ts";
import type { Shard } from "./shard.ts";
import type { TargetView } from "./view-target.ts";

/** Writes our fence to every EphemeralRunnerSet of the scale set that can be reached. */
export async function stampFences(shard: Shard, set: ServedSet): Promise<void> {
  const { views } = lookAtTargets(shard, set);
  const results = await Promise.allSettled(views.map((view) => stamp(shard, set, view)));
  for (const result of results) if (result.status === "rejected") throw result.reason;
}

async function stamp(shard: Shard, set: ServedSet, view: TargetView): Promise<void> {
  const { client, runnerSet, cluster } = view;
  if (view.state !== "live" || !client || !runnerSet) return;
  const ours = formatFence(shard.fence());
  if (runnerSet.metadata.annotations?.[annotations.fence] === ours) return;
  const applied = await applyPair(shard, set, { name: view.ref.cluster, client }, runnerSet, {});
  if (applied.kind === "forget") forget(set, "its EphemeralRunnerSet has a larger fence");
  if (applied.kind === "applied") return cluster?.note(applied.runnerSet);
  // The next pair carries the fence anyway; a cluster that is silent now hears of it then.
  if (applied.kind === "owed" && applied.silent) cluster?.health.silent(applied.error);
  set.log.warn("fence_not_written", { target: view.key, why: applied.kind });
}
