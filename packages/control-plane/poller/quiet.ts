// Why: a shard may rest, and a deleted scale set's session be closed, only when there is nothing left to do. What
// "nothing" means stands here.
import type { Statistics } from "@runlet/domain/statistics";
import { statisticsOf, type ServedSet } from "./scale-set.ts";
import type { Shard } from "./shard.ts";
import type { TargetView } from "./view-target.ts";

/** Keeps the instant since which the set has been quiet. */
export function noteQuiet(shard: Shard, set: ServedSet, views: readonly TargetView[]): void {
  if (!isQuiet(set, views)) set.quietSince = undefined;
  else set.quietSince ??= shard.deps.clock.nowMs();
}

/** No job anywhere, nothing above minRunners, the last pair (min, 0) applied. */
function isQuiet(set: ServedSet, views: readonly TargetView[]): boolean {
  if (!hasNoJobs(statisticsOf(set))) return false;
  return views.every((view) => isAway(view) || isSettled(set, view));
}

/** Gone, or ARC's. Another installation's may be handed over to us at any time, and nobody would wake us then. */
function isAway({ state, foreign }: TargetView): boolean {
  return state === "absent" && foreign === undefined;
}

function isSettled(set: ServedSet, view: TargetView): boolean {
  if (view.state === "deleting") return true;
  const target = set.targets.get(view.key);
  const draining = view.state === "draining";
  if ((view.state !== "live" && !draining) || !target || target.owed) return false;
  const { replicas, patchId } = target.pair;
  // Somebody has changed it, and it is not put right yet.
  if ((view.runnerSet?.spec.replicas ?? 0) !== replicas) return false;
  const least = draining ? 0 : Math.min(view.minRunners, view.maxRunners);
  return patchId === 0 && replicas === least && view.alive !== undefined && view.alive <= least;
}

export function hasNoJobs(statistics: Statistics): boolean {
  const { totalAvailableJobs, totalAcquiredJobs, totalAssignedJobs, totalRunningJobs } = statistics;
  return totalAvailableJobs + totalAcquiredJobs + totalAssignedJobs + totalRunningJobs <= 0;
}

/**
 * The session is not needed any more: every target is being deleted or gone and no job is left; or every target is
 * somebody else's (ARC's, another installation's), who may be waiting for it: what is announced to us would not be
 * announced to them.
 */
export function isOver(set: ServedSet, views: readonly TargetView[]): boolean {
  if (views.every(({ state }) => state === "absent")) return true;
  const leaving = views.every(({ state }) => state === "deleting" || state === "absent");
  return leaving && statisticsOf(set).totalAssignedJobs <= 0;
}
