// Why: the targets of a scale set are written side by side: a slow cluster delays nobody but itself, and what it
// does not take is owed to it.
import type { Statistics } from "@runlet/domain/statistics";
import { remedies } from "../remedies.ts";
import { applyPair, type Applied } from "./apply-pair.ts";
import { nextFight } from "./decide-fight.ts";
import { owePair, paidPair } from "./owed.ts";
import type { TargetPlan, TurnPlan } from "./plan-turn.ts";
import { forget } from "./save.ts";
import { statisticsOf, type ServedSet, type ServedTarget } from "./scale-set.ts";
import type { Shard } from "./shard.ts";
import { takesOrders, type TargetView } from "./view-target.ts";

/** Writes each decided pair to its target, or owes it. */
export async function applyPlan(
  shard: Shard,
  set: ServedSet,
  views: readonly TargetView[],
  plan: TurnPlan,
): Promise<void> {
  const results = await Promise.allSettled(
    plan.targets.map(async (one) => {
      const view = views.find(({ key }) => key === one.key);
      const target = set.targets.get(one.key);
      if (view && target && one.decision) await applyTarget(shard, set, view, target, one);
    }),
  );
  // All of them have ended before the first failure is told.
  for (const result of results) if (result.status === "rejected") throw result.reason;
}

async function applyTarget(
  shard: Shard,
  set: ServedSet,
  view: TargetView,
  target: ServedTarget,
  { decision, replicas }: TargetPlan,
): Promise<void> {
  if (!decision) return;
  if (decision.why === "drift") notePutRight(shard, set, view, target);
  target.pair = decision.pair;
  target.sequence = decision.sequence;
  const { client, runnerSet } = view;
  const mayWrite = takesOrders(view);
  const applied: Applied | undefined =
    client && runnerSet && mayWrite && target.retryAt <= shard.deps.clock.nowMs()
      ? await applyPair(shard, set, { name: view.ref.cluster, client }, runnerSet, {
          pair: decision.pair,
          statistics: describe(statisticsOf(set)),
        })
      : undefined;
  const fields = { target: view.key, ...decision.pair, why: decision.why, desired: replicas };
  settle(shard, set, view, target, applied, fields);
}

/** A fight is one fact, not one a patch; who else writes is for people to find out. */
function notePutRight(shard: Shard, set: ServedSet, view: TargetView, target: ServedTarget): void {
  target.fight = nextFight(target.fight, shard.deps.clock.nowMs());
  if (target.fight.resets !== 2) return;
  const { metadata, spec } = view.runnerSet ?? {};
  const fields = { target: view.key, ordered: target.pair.replicas, found: spec?.replicas };
  const remedy = remedies.fought(view.ref.namespace, metadata?.name ?? "");
  set.log.warn("replicas_fought", { ...fields, remedy });
}

function settle(
  shard: Shard,
  set: ServedSet,
  view: TargetView,
  target: ServedTarget,
  applied: Applied | undefined,
  fields: { target: string; desired: number },
): void {
  const { clock, random, metrics } = shard.deps;
  if (applied?.kind === "forget") forget(set, "its EphemeralRunnerSet has a larger fence");
  if (applied?.kind === "applied") {
    paidPair(target);
    target.uid = applied.runnerSet.metadata.uid ?? "";
    target.runnerSet = applied.runnerSet.metadata.name;
    view.cluster?.note(applied.runnerSet);
    view.cluster?.health.answered();
    metrics.count("pairs-patched", 1, { cluster: view.ref.cluster });
    const { totalAssignedJobs: assigned } = statisticsOf(set);
    set.log.info("desired_count_patched", { ...fields, assigned });
    return;
  }
  const owed = applied?.kind === "owed" ? applied : undefined;
  // The watch had not told us yet; the next look sees it.
  if (applied?.kind === "foreign") view.cluster?.note(applied.runnerSet);
  if (owed?.silent) view.cluster?.health.silent(owed.error);
  const after = { random, nowMs: clock.nowMs(), retryAfterMs: owed?.retryAfterMs };
  owePair(target, applied && after);
  metrics.count("pairs-owed", 1, { cluster: view.ref.cluster });
  set.log.warn("desired_count_owed", { ...fields, why: applied?.kind, error: owed?.error });
}

function describe(statistics: Statistics): string {
  return JSON.stringify(statistics);
}
