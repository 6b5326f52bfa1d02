// Why: while a poll is open for a minute some things have their own time: a failed acquire, a target that did not
// take its pair, replicas that somebody keeps changing, runners refused for so long that they go elsewhere.
import { acquireDueIn } from "./acquire.ts";
import { mayPutRightAt } from "./decide-fight.ts";
import type { ServedSet, ServedTarget } from "./scale-set.ts";
import type { Shard } from "./shard.ts";
import { refusedLongMs, takesOrders, toFacts, viewTarget, type TargetView } from "./view-target.ts";

/** Ms until the next look that no event will ask for; undefined: none is due. */
export function dueIn(shard: Shard, set: ServedSet): number | undefined {
  const { closeAgainAt } = set;
  const times = [
    closeAgainAt === undefined ? undefined : closeAgainAt - shard.deps.clock.nowMs(),
    acquireDueIn(shard, set),
    ...set.row.targets.flatMap((ref) => targetDue(shard, set, ref)),
  ];
  const known = times.filter((ms) => ms !== undefined);
  // Never at once: what is due now was tried in the turn that has just ended.
  return known.length === 0 ? undefined : Math.max(10, Math.min(...known));
}

function targetDue(
  shard: Shard,
  set: ServedSet,
  ref: ServedSet["row"]["targets"][number],
): (number | undefined)[] {
  const { clock } = shard.deps;
  const view = viewTarget(shard, ref);
  const target = set.targets.get(view.key);
  if (!target || !takesOrders(view)) return [];
  const driftIn = driftDue(view, target, clock.nowMs());
  if (view.state !== "live") return [driftIn];
  if (target.owed && view.runnerSet) return [driftIn, owedDue(target, clock.nowMs())];
  if (!view.refused) return [driftIn];
  const movedIn = view.refused.since + refusedLongMs - clock.wallMs();
  return [driftIn, movedIn > 0 ? movedIn : undefined];
}

function owedDue(target: ServedTarget, nowMs: number): number | undefined {
  const { pair, jobStarted = [] } = target.owed ?? {};
  const times = [
    ...(pair ? [target.retryAt] : []),
    ...(jobStarted.length > 0 ? [target.factsRetryAt] : []),
  ];
  return times.length === 0 ? undefined : Math.min(...times) - nowMs;
}

/** The last reset of a fight is put right too, when nobody changes anything any more. */
function driftDue(view: TargetView, target: ServedTarget, nowMs: number): number | undefined {
  const { runnerSet, client } = view;
  // What is owed has a time of its own, and what cannot be written has none.
  if (!runnerSet || !client || target.owed?.pair || target.retryAt > nowMs) return undefined;
  const { replicas } = toFacts(view, target, runnerSet, nowMs);
  return replicas === target.pair.replicas ? undefined : mayPutRightAt(target.fight) - nowMs;
}
