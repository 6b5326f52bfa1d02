// Why: a job enters the ledger, and comes back to the queue when nobody started it in time.
import {
  matches,
  stay,
  withEntry,
  withJob,
  type Job,
  type JobOrder,
  type Ledger,
  type Move,
  type News,
  type Rules,
} from "./ledger.ts";
import { endJob } from "./end-jobs.ts";

/** Queues a job. In acquire mode every matching scale set hears of it. */
export function queueJob(ledger: Ledger, rules: Rules, order: JobOrder, at: number): Move<Job> {
  const job: Job = {
    ...order,
    key: `job-${ledger.queuedCount + 1}`,
    state: "available",
    requestId: ledger.nextRequestId,
    scaleSet: undefined,
    runnerId: undefined,
    runnerName: undefined,
    requeuesCount: 0,
    queuedAt: at,
    assignedAt: undefined,
    startedAt: undefined,
    finishedAt: undefined,
    outcome: undefined,
  };
  const next = {
    ...withJob(ledger, job),
    queuedCount: ledger.queuedCount + 1,
    nextRequestId: ledger.nextRequestId + 1n,
  };
  const announced = announce(next, rules, job);
  return {
    ledger: announced.ledger,
    news: [{ kind: "job-queued", job }, ...announced.news],
    value: job,
  };
}

/**
 * A job that was assigned but that no runner started in time: its set hears that it was canceled,
 * and it is queued again under a new request id, `requeuesMax` times; then it is canceled for good
 * (actions/scaleset README, "Job lifecycle"). Nothing happens if the job has moved on meanwhile.
 */
export function giveUpAssignment(
  ledger: Ledger,
  rules: Rules,
  of: { key: string; requestId: bigint },
  at: number,
): Move<"requeued" | "canceled" | "moved-on"> {
  const job = ledger.open.get(of.key);
  if (!job || job.requestId !== of.requestId || !isWaitingInSet(job))
    return stay(ledger, "moved-on");
  if (job.requeuesCount >= rules.requeuesMax) {
    return { ...endJob(ledger, job, "canceled", at), value: "canceled" };
  }
  const told = withEntry(ledger, job.scaleSet, {
    type: "JobCompleted",
    job: { ...job, outcome: "canceled", finishedAt: at },
  });
  return { ...requeue(told, rules, job), value: "requeued" };
}

/** Puts a job that a scale set holds back into the queue, under a new request id. */
export function requeue(ledger: Ledger, rules: Rules, held: Job): Move<Job> {
  const job: Job = {
    ...held,
    state: "available",
    requestId: ledger.nextRequestId,
    scaleSet: undefined,
    requeuesCount: held.requeuesCount + 1,
    assignedAt: undefined,
  };
  const next = { ...withJob(ledger, job), nextRequestId: ledger.nextRequestId + 1n };
  const announced = announce(next, rules, job);
  return {
    ledger: announced.ledger,
    news: [{ kind: "job-requeued", job }, ...announced.news],
    value: job,
  };
}

export function isWaitingInSet(job: Job): boolean {
  return job.state === "acquired" || job.state === "assigned";
}

/** Acquire mode: a JobAvailable for every scale set (or only `to`) that could run the job. */
export function announce(ledger: Ledger, rules: Rules, job: Job, to?: string): Move<void> {
  if (rules.mode !== "acquire") return stay(ledger, undefined);
  const news: News[] = [];
  let next = ledger;
  for (const set of ledger.scaleSets.values()) {
    if ((to !== undefined && set.key !== to) || !matches(set, job)) continue;
    next = withEntry(next, set.key, { type: "JobAvailable", job });
    news.push({ kind: "job-available", job, scaleSet: set.key });
  }
  return { ledger: next, news, value: undefined };
}
