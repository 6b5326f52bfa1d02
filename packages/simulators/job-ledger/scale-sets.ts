// Why: a scale set that appears finds the jobs already waiting for it, and one that goes leaves its
// jobs to whoever comes next: neither may lose one.
import { forgetRunner } from "./end-jobs.ts";
import {
  matches,
  stay,
  withScaleSet,
  type Ledger,
  type Move,
  type News,
  type Rules,
  type ScaleSetLedger,
} from "./ledger.ts";
import { announce, isWaitingInSet, requeue } from "./queue-jobs.ts";

/**
 * Adds a scale set with an empty log; in acquire mode it hears of the jobs that wait for its
 * labels.
 */
export function addScaleSet(
  ledger: Ledger,
  rules: Rules,
  set: { key: string; scope: string; labels: readonly string[]; firstMessageId: number },
): Move<void> {
  const { firstMessageId, ...rest } = set;
  const added: ScaleSetLedger = { ...rest, nextMessageId: firstMessageId, pending: [], log: [] };
  let next = withScaleSet(ledger, added);
  const news: News[] = [];
  for (const job of ledger.open.values()) {
    if (job.state !== "available") continue;
    const announced = announce(next, rules, job, set.key);
    next = announced.ledger;
    news.push(...announced.news);
  }
  return { ledger: next, news, value: undefined };
}

/** Changes a scale set's labels; in acquire mode it hears of the jobs that match only now. */
export function relabelScaleSet(
  ledger: Ledger,
  rules: Rules,
  key: string,
  labels: readonly string[],
): Move<void> {
  const set = ledger.scaleSets.get(key);
  if (!set) return stay(ledger, undefined);
  let next = withScaleSet(ledger, { ...set, labels });
  const news: News[] = [];
  for (const job of ledger.open.values()) {
    if (job.state !== "available" || matches(set, job)) continue;
    const announced = announce(next, rules, job, key);
    next = announced.ledger;
    news.push(...announced.news);
  }
  return { ledger: next, news, value: undefined };
}

/**
 * Removes a scale set with its log. Jobs it holds but that do not run go back to the queue; running
 * ones run on; runners without a job lose their registration.
 */
export function removeScaleSet(ledger: Ledger, rules: Rules, key: string): Move<void> {
  const scaleSets = new Map(ledger.scaleSets);
  scaleSets.delete(key);
  let next: Ledger = { ...ledger, scaleSets };
  const news: News[] = [];
  for (const job of ledger.open.values()) {
    if (job.scaleSet !== key || !isWaitingInSet(job)) continue;
    const back = requeue(next, rules, job);
    next = back.ledger;
    news.push(...back.news);
  }
  for (const runner of ledger.runners.values()) {
    if (runner.scaleSet !== key || runner.state === "busy") continue;
    const gone = forgetRunner(next, runner);
    next = gone.ledger;
    news.push(...gone.news);
  }
  return { ledger: next, news, value: undefined };
}
