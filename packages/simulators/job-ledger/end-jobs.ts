// Why: a job ends once, whatever ended it, and takes its single-use runner with it.
import {
  matches,
  stay,
  withEntry,
  type Job,
  type Ledger,
  type Move,
  type News,
  type Runner,
} from "./ledger.ts";

/**
 * Ends a job with this outcome. The runner that ran it is gone from the service at the same
 * instant.
 */
export function endJob(ledger: Ledger, job: Job, outcome: string, at: number): Move<Job> {
  const ended: Job = { ...job, state: "completed", outcome, finishedAt: at };
  const open = new Map(ledger.open);
  open.delete(job.key);
  let next: Ledger = {
    ...ledger,
    open,
    ended: { job: ended, earlier: ledger.ended },
    completedCount: ledger.completedCount + 1,
    canceledCount: ledger.canceledCount + (ended.startedAt === undefined ? 1 : 0),
  };
  for (const scaleSet of listeners(ledger, job)) {
    next = withEntry(next, scaleSet, { type: "JobCompleted", job: ended });
  }
  const news: News[] = [{ kind: "job-completed", job: ended, scaleSet: ended.scaleSet }];
  const runner = job.runnerId === undefined ? undefined : next.runners.get(job.runnerId);
  if (runner) {
    const gone = forgetRunner(next, runner);
    next = gone.ledger;
    news.push(...gone.news);
  }
  return { ledger: next, news, value: ended };
}

/**
 * Cancels a job wherever it stands. A waiting one completes as `canceled` without a runner; a
 * running one is torn from its runner, which learns it when it next speaks.
 */
export function cancelJob(ledger: Ledger, key: string, at: number): Move<Job | undefined> {
  const job = ledger.open.get(key);
  return job ? endJob(ledger, job, "canceled", at) : stay(ledger, undefined);
}

/** Ends a running job; undefined if it is not running (any more). */
export function finishJob(
  ledger: Ledger,
  key: string,
  outcome: string,
  at: number,
): Move<Job | undefined> {
  const job = ledger.open.get(key);
  return job?.state === "running" ? endJob(ledger, job, outcome, at) : stay(ledger, undefined);
}

/** Takes a runner out of the ledger. */
export function forgetRunner(ledger: Ledger, runner: Runner): Move<Runner> {
  const runners = new Map(ledger.runners);
  runners.delete(runner.id);
  return {
    ledger: { ...ledger, runners },
    news: [{ kind: "runner-removed", runner }],
    value: runner,
  };
}

/** Who hears of the end: the set that has the job, or those that were told it is available. */
function listeners(ledger: Ledger, job: Job): string[] {
  if (job.scaleSet !== undefined) return [job.scaleSet];
  const told = (key: string, entries: readonly { job: Job }[]) =>
    entries.some((entry) => entry.job.key === job.key) ? [key] : [];
  return [...ledger.scaleSets.values()]
    .filter((set) => matches(set, job))
    .flatMap((set) => told(set.key, [...set.pending, ...set.log.flatMap((one) => one.entries)]));
}
