// Why: a cluster that does not answer must not hold up the acknowledgement of a message whose other effects are
// done. What it could not take is kept, checkpointed, and applied first when it answers.
import type { JobStartedFact } from "@runlet/coordination/checkpoints";
import { rowBytesMax } from "@runlet/coordination/table";
import { backoffMs } from "@runlet/runtime/backoff";
import type { Random } from "@runlet/runtime/random";
import { planOwed } from "./plan-owed.ts";
import type { ServedSet, ServedTarget } from "./scale-set.ts";
import { targetOfRunner } from "./target-of-runner.ts";
import type { TargetView } from "./view-target.ts";

/** The rest of a checkpoint: a sealed session (4 kB) and, for each target, its pair and names (400 bytes). */
const restBytesMax = 80_000;

const limits = { factsMax: 500, bytesMax: rowBytesMax - restBytesMax };

const retryBackoff = { baseMs: 500, capMs: 30_000 };

/** The target has not taken its latest pair; `after` is undefined when it was not even tried. */
export function owePair(
  target: ServedTarget,
  after: { random: Random; nowMs: number; retryAfterMs: number | undefined } | undefined,
): void {
  target.owed = { jobStarted: target.owed?.jobStarted ?? [], pair: target.pair };
  if (!after) return;
  const waitMs = after.retryAfterMs ?? backoffMs(after.random, retryBackoff, target.failures);
  target.retryAt = after.nowMs + waitMs;
  target.failures++;
}

/** The target has taken a pair. */
export function paidPair(target: ServedTarget): void {
  target.retryAt = 0;
  target.failures = 0;
  const jobStarted = target.owed?.jobStarted ?? [];
  if (jobStarted.length > 0) target.owed = { jobStarted };
  else delete target.owed;
}

/** Keeps a fact for the target whose runner it is, or else for the first silent one. */
export function oweJobStarted(
  set: ServedSet,
  views: readonly TargetView[],
  fact: JobStartedFact,
): void {
  const key =
    targetOfRunner(set.targets, fact.runnerName) ??
    views.find((view) => view.state === "silent")?.key ??
    views[0]?.key;
  const target = key === undefined ? undefined : set.targets.get(key);
  if (!target) return;
  target.owed = { ...target.owed, jobStarted: [...(target.owed?.jobStarted ?? []), fact] };
}

/** Drops the oldest facts where they are more than a checkpoint takes; returns how many. Pairs always stay. */
export function dropOldest(set: ServedSet): number {
  const owing = [...set.targets].flatMap(([key, target]) =>
    target.owed ? { key, target, owed: target.owed } : [],
  );
  const lists = new Map(owing.map(({ key, owed }) => [key, owed.jobStarted]));
  const kept = planOwed(lists, limits);
  let dropped = 0;
  for (const { key, target, owed } of owing) {
    const jobStarted = kept.get(key) ?? [];
    dropped += owed.jobStarted.length - jobStarted.length;
    if (jobStarted.length > 0 || owed.pair) target.owed = { ...owed, jobStarted };
    else delete target.owed;
  }
  return dropped;
}

/** The facts of targets that answer again and whose time it is; they are owed no more, or again if they fail. */
export function takeOwedJobStarted(
  set: ServedSet,
  views: readonly TargetView[],
  nowMs: number,
): JobStartedFact[] {
  return views.flatMap((view) => {
    const target = set.targets.get(view.key);
    if (!target?.owed || view.state === "silent" || target.factsRetryAt > nowMs) return [];
    const { jobStarted, pair } = target.owed;
    if (pair) target.owed = { pair, jobStarted: [] };
    else delete target.owed;
    return jobStarted;
  });
}

/** After an attempt: what answers and still has facts owed is tried again later each time. */
export function settleJobStarted(
  set: ServedSet,
  views: readonly TargetView[],
  { random, nowMs }: { random: Random; nowMs: number },
): void {
  for (const view of views) {
    const target = set.targets.get(view.key);
    // Its owed facts were not tried: they waited for it to answer, or for their time.
    if (!target || view.state === "silent" || target.factsRetryAt > nowMs) continue;
    if (!target.owed?.jobStarted.length) target.factsFailures = 0;
    else target.factsRetryAt = nowMs + backoffMs(random, retryBackoff, target.factsFailures++);
  }
}
