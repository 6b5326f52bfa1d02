// Why: while a poll is open for a minute some things have their own time: a failed acquire, a target that did not
// take its pair, runners refused for so long that they go elsewhere.
import { acquireDueIn } from "./acquire.ts";
import type { ServedSet } from "./scale-set.ts";
import type { Shard } from "./shard.ts";
import { refusedLongMs, viewTarget } from "./view-target.ts";

/** Ms until the next look that no event will ask for; undefined: none is due. */
export function dueIn(shard: Shard, set: ServedSet): number | undefined {
  const { closeAgainAt } = set;
  const times = [
    closeAgainAt === undefined ? undefined : closeAgainAt - shard.deps.clock.nowMs(),
    acquireDueIn(shard, set),
    ...set.row.targets.map((ref) => targetDue(shard, set, ref)),
  ];
  const known = times.filter((ms) => ms !== undefined);
  // Never at once: what is due now was tried in the turn that has just ended.
  return known.length === 0 ? undefined : Math.max(10, Math.min(...known));
}

function targetDue(
  shard: Shard,
  set: ServedSet,
  ref: ServedSet["row"]["targets"][number],
): number | undefined {
  const { clock } = shard.deps;
  const view = viewTarget(shard, ref);
  const target = set.targets.get(view.key);
  if (!target || view.state !== "live") return undefined;
  if (target.owed && view.runnerSet) {
    const { pair, jobStarted } = target.owed;
    const times = [
      ...(pair ? [target.retryAt] : []),
      ...(jobStarted.length > 0 ? [target.factsRetryAt] : []),
    ];
    return times.length === 0 ? undefined : Math.min(...times) - clock.nowMs();
  }
  if (!view.refused) return undefined;
  const movedIn = view.refused.since + refusedLongMs - clock.wallMs();
  return movedIn > 0 ? movedIn : undefined;
}
