// Why: one turn's decision in one place and without effects: the tally, the targets and what happened go in, and
// each target's pair comes out.
import { decidePair, type Occasion, type PairDecision } from "@runlet/domain/patch-pair";
import type { RunnerSetFacts } from "@runlet/domain/patch-pair";
import { placeRunners, type Place } from "@runlet/domain/place-runners";
import type { Statistics } from "@runlet/domain/statistics";

export interface PlannedTarget {
  place: Place;
  /** Undefined before the first pair for it. */
  pair: { replicas: number; patchId: number } | undefined;
  sequence: number;
  /** Undefined: there is no EphemeralRunnerSet to write to, or its cluster is silent. */
  facts: RunnerSetFacts | undefined;
}

export interface TurnPlan {
  /** The sum of what all targets are to hold. */
  desired: number;
  /** The most that can be held: sent with the next poll. */
  capacity: number;
  targets: TargetPlan[];
}

export interface TargetPlan {
  key: string;
  replicas: number;
  /** Undefined: nothing is to be written. */
  decision: PairDecision | undefined;
}

/** Decides every target of one scale set. */
export function planTurn(
  occasion: Occasion,
  statistics: Statistics,
  targets: readonly PlannedTarget[],
): TurnPlan {
  const places = targets.map(({ place }) => place);
  const { replicas, capacity } = placeRunners(places, statistics);
  const plans = targets.map((target): TargetPlan => {
    const desired = replicas.get(target.place.key) ?? 0;
    return {
      key: target.place.key,
      replicas: desired,
      decision: decideTarget(occasion, desired, target),
    };
  });
  const desired = plans.reduce((sum, plan) => sum + plan.replicas, 0);
  return { desired, capacity, targets: plans };
}

function decideTarget(
  occasion: Occasion,
  desired: number,
  { place, pair, sequence, facts }: PlannedTarget,
): PairDecision | undefined {
  const least = place.deleting ? 0 : Math.min(place.minRunners, place.maxRunners);
  const wanted = { desired, minRunners: least };
  if (facts) return decidePair(occasion, wanted, { pair, sequence }, facts);
  // Nowhere to write: remembered as owed when it differs from what was decided last.
  if (place.deleting || pair?.replicas === desired) return undefined;
  const unseen = { applied: true, replicas: pair?.replicas ?? 0, driftWaits: false };
  return decidePair("look", wanted, { pair, sequence }, { ...unseen, alive: undefined });
}

/**
 * Whether the tally is to be asked once more before it lowers anything: bodies speak of new jobs that it does
 * not show, or it fell to nothing while runners run (ARC #3204, #3420).
 */
export function shouldAskAgain(
  before: Statistics | undefined,
  now: Statistics,
  news: { assigned: number; completed: number },
  busy: number,
): boolean {
  const rose = now.totalAssignedJobs > (before?.totalAssignedJobs ?? 0);
  if (news.assigned > news.completed && !rose) return true;
  return now.totalAssignedJobs === 0 && busy > news.completed;
}
