// Why: before each decision what the loop remembers of its targets meets what the watches show.
import type { JobNews } from "@runlet/actions-service/service";
import { laterPatchId } from "@runlet/domain/patch-pair";
import { remedies } from "../remedies.ts";
import type { PlannedTarget } from "./plan-turn.ts";
import { newTarget, type ServedSet, type ServedTarget } from "./scale-set.ts";
import type { Shard } from "./shard.ts";
import { targetOfRunner } from "./target-of-runner.ts";
import { takesOrders, toFacts, toPlace, viewTarget, type TargetView } from "./view-target.ts";

export interface Looked {
  views: TargetView[];
  /** What the plan sees; `completed`: how many runners ended, by target. */
  plannable(completed: ReadonlyMap<string, number>): PlannedTarget[];
}

/** Brings the set's targets up to date with its row and the watches. */
export function lookAtTargets(shard: Shard, set: ServedSet): Looked {
  const nowMs = shard.deps.clock.nowMs();
  const views = set.row.targets.map((ref): TargetView => {
    const view = viewTarget(shard, ref);
    const target = set.targets.get(view.key) ?? newTarget();
    set.targets.set(view.key, target);
    refreshTarget(target, view);
    tellForeign(shard, set, target, view);
    return view;
  });
  for (const key of set.targets.keys()) {
    if (!views.some((view) => view.key === key)) set.targets.delete(key);
  }
  const wallMs = shard.deps.clock.wallMs();
  return {
    views,
    plannable: (completed) =>
      views.flatMap((view) => {
        const target = set.targets.get(view.key);
        if (!target) return [];
        const moment = { wallMs, completed: completed.get(view.key) ?? 0 };
        return [plannable(view, target, moment, nowMs)];
      }),
  };
}

function plannable(
  view: TargetView,
  target: ServedTarget,
  moment: { wallMs: number; completed: number },
  nowMs: number,
): PlannedTarget {
  const { runnerSet, client } = view;
  const writable = takesOrders(view) && client !== undefined && target.retryAt <= nowMs;
  return {
    place: toPlace(view, target, moment),
    pair: target.sequence === 0 && target.uid === "" ? undefined : target.pair,
    sequence: target.sequence,
    facts: writable && runnerSet ? toFacts(view, target, runnerSet, nowMs) : undefined,
  };
}

function refreshTarget(target: ServedTarget, view: TargetView): void {
  target.busy = view.busy ?? target.busy;
  const { runnerSet } = view;
  if (!runnerSet) return;
  target.runnerSet = runnerSet.metadata.name;
  // Whoever served before may have been ahead of the checkpoint, and the watch may be behind it.
  target.sequence = laterPatchId(target.sequence, runnerSet.spec.patchID);
}

/** A conflict of two installations is for people to settle; it is one fact, not one a look. */
function tellForeign(
  shard: Shard,
  set: ServedSet,
  target: ServedTarget,
  { key, foreign = "" }: TargetView,
): void {
  if (target.toldForeign === foreign) return;
  target.toldForeign = foreign;
  if (foreign === "") return set.log.info("target_given_to_us", { target: key });
  shard.deps.metrics.count("fences-refused");
  const [cluster = ""] = key.split("/");
  const remedy = remedies.foreign(cluster);
  set.log.error("target_of_another_installation", { target: key, by: foreign, remedy });
}

/**
 * Counts whose runners ended, by target. A silent cluster's busy runners are known from messages alone; a live one
 * says them itself, and may have done so before the message came.
 */
export function countNews(
  set: ServedSet,
  views: readonly TargetView[],
  news: readonly JobNews[],
): Map<string, number> {
  const completed = new Map<string, number>();
  for (const one of news) {
    if (one.type !== "JobStarted" && one.type !== "JobCompleted") continue;
    const key = targetOfRunner(set.targets, one.runnerName);
    const target = key === undefined ? undefined : set.targets.get(key);
    if (key === undefined || !target) continue;
    const ended = one.type === "JobCompleted";
    if (ended) completed.set(key, (completed.get(key) ?? 0) + 1);
    const told = views.some((view) => view.key === key && view.busy !== undefined);
    if (!told) target.busy = Math.max(0, target.busy + (ended ? -1 : 1));
  }
  return completed;
}
