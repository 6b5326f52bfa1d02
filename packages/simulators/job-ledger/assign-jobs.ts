// Why: the two ways in which a job reaches a scale set: acquired by its listener (GitHub Enterprise
// Server and the older hosts), or assigned by the service to a poll that has room (github.com since
// about 2025).
import {
  matches,
  stay,
  withEntry,
  withJob,
  type Job,
  type Ledger,
  type Move,
  type News,
} from "./ledger.ts";

/**
 * Acquires the jobs of these request ids for a scale set; the value is what it got. Ids that are
 * unknown, taken by another set or not for this one are left out; ids it already holds are named
 * again.
 */
export function acquireJobs(
  ledger: Ledger,
  scaleSet: string,
  requestIds: readonly bigint[],
): Move<Job[]> {
  const set = ledger.scaleSets.get(scaleSet);
  if (!set) return stay(ledger, []);
  const wanted = new Set(requestIds);
  const got: Job[] = [];
  const news: News[] = [];
  let next = ledger;
  for (const job of ledger.open.values()) {
    if (!wanted.has(job.requestId)) continue;
    if (job.scaleSet === scaleSet) got.push(job);
    if (job.state !== "available" || !matches(set, job)) continue;
    const acquired: Job = { ...job, state: "acquired", scaleSet };
    next = withJob(next, acquired);
    got.push(acquired);
    news.push({ kind: "job-acquired", job: acquired, scaleSet });
  }
  return { ledger: next, news, value: got };
}

/** An acquired job becomes assigned: its set hears of it and it counts in totalAssignedJobs. */
export function assignAcquired(
  ledger: Ledger,
  of: { key: string; requestId: bigint },
  at: number,
): Move<Job | undefined> {
  const job = ledger.open.get(of.key);
  if (!job || job.requestId !== of.requestId || job.state !== "acquired" || !job.scaleSet) {
    return stay(ledger, undefined);
  }
  return assign(ledger, job, job.scaleSet, at);
}

/**
 * Auto-assign mode: gives a scale set the oldest waiting jobs it can run, until the number assigned
 * to it (running ones included) reaches `capacity`. Capacity is a total, not room left.
 */
export function admitJobs(
  ledger: Ledger,
  scaleSet: string,
  capacity: number,
  at: number,
): Move<number> {
  const set = ledger.scaleSets.get(scaleSet);
  if (!set) return stay(ledger, 0);
  let assignedCount = countAssigned(ledger, scaleSet);
  let admittedCount = 0;
  const news: News[] = [];
  let next = ledger;
  for (const job of ledger.open.values()) {
    if (assignedCount >= capacity) break;
    if (job.state !== "available" || !matches(set, job)) continue;
    const move = assign(next, job, scaleSet, at);
    next = move.ledger;
    news.push(...move.news);
    assignedCount += 1;
    admittedCount += 1;
  }
  return { ledger: next, news, value: admittedCount };
}

/** Jobs assigned to a set: waiting for a runner plus running. */
export function countAssigned(ledger: Ledger, scaleSet: string): number {
  let count = 0;
  for (const job of ledger.open.values()) {
    if (job.scaleSet === scaleSet && (job.state === "assigned" || job.state === "running")) {
      count += 1;
    }
  }
  return count;
}

function assign(ledger: Ledger, job: Job, scaleSet: string, at: number): Move<Job> {
  const assigned: Job = { ...job, state: "assigned", scaleSet, assignedAt: at };
  const next = withJob(ledger, assigned);
  return {
    ledger: withEntry(next, scaleSet, { type: "JobAssigned", job: assigned }),
    news: [{ kind: "job-assigned", job: assigned, scaleSet }],
    value: assigned,
  };
}
