// Why: what GitHub knows about jobs, runners and messages, as one value. Every move in this folder
// takes a Ledger and the instant and gives back the next Ledger and what is new; no clock, no
// chance, no waiting, so that the rules of delivery can be tested without a server (and the server
// has none of its own).

export type JobState = "available" | "acquired" | "assigned" | "running" | "completed";

/** What is asked for when a job is queued. */
export interface JobOrder {
  /** The login that owns the repository. */
  owner: string;
  repository: string;
  /** Set when the repository belongs to an enterprise whose scale sets may run the job. */
  enterprise: string | undefined;
  /** The job's `runs-on`. */
  labels: readonly string[];
  jobId: string;
  displayName: string;
  workflowRef: string;
  workflowRunId: bigint;
  eventName: string;
  /** How long a simulated runner works on it, and how it says it went. */
  durationMs: number;
  result: string;
}

export interface Job extends JobOrder {
  /** The ledger's own name of the job; stays when the job is queued again. */
  key: string;
  state: JobState;
  /** An int64; a new one each time the job is queued again. */
  requestId: bigint;
  /** The scale set that has it, from `acquired` on. */
  scaleSet: string | undefined;
  runnerId: number | undefined;
  runnerName: string | undefined;
  requeuesCount: number;
  /** Instants in milliseconds of the caller's clock. */
  queuedAt: number;
  assignedAt: number | undefined;
  startedAt: number | undefined;
  finishedAt: number | undefined;
  /** How it ended: succeeded, failed, canceled, skipped, abandoned, or what a runner said. */
  outcome: string | undefined;
}

export interface Runner {
  id: number;
  name: string;
  scope: string;
  scaleSet: string;
  state: "offline" | "idle" | "busy";
  job: string | undefined;
  registeredAt: number;
}

export type EntryType = "JobAvailable" | "JobAssigned" | "JobStarted" | "JobCompleted";

/** One line of a message: the job as it was at that moment. */
export interface Entry {
  type: EntryType;
  job: Job;
}

export interface LoggedMessage {
  id: number;
  entries: readonly Entry[];
}

/** A scale set as far as jobs are concerned. Its log lives and dies with it, not with a session. */
export interface ScaleSetLedger {
  key: string;
  scope: string;
  labels: readonly string[];
  nextMessageId: number;
  /** News not yet in a message. */
  pending: readonly Entry[];
  /** Messages not yet deleted, oldest first. */
  log: readonly LoggedMessage[];
}

/** Ended jobs, newest first: a list that grows without being copied. */
export interface EndedJobs {
  job: Job;
  earlier: EndedJobs | undefined;
}

export interface Ledger {
  scaleSets: ReadonlyMap<string, ScaleSetLedger>;
  /** Jobs not completed, oldest first. */
  open: ReadonlyMap<string, Job>;
  ended: EndedJobs | undefined;
  runners: ReadonlyMap<number, Runner>;
  queuedCount: number;
  completedCount: number;
  /** Of those completed, the ones that ended without ever having run. */
  canceledCount: number;
  nextRequestId: bigint;
  nextRunnerId: number;
}

/** What a server generation does with a new job, and how far it goes. */
export interface Rules {
  /** acquire: announce and wait for acquirejobs; auto-assign: give it to a poll that has room. */
  mode: "acquire" | "auto-assign";
  entriesMax: number;
  requeuesMax: number;
}

export type News =
  | { kind: "job-queued" | "job-requeued"; job: Job }
  | {
      kind: "job-available" | "job-acquired" | "job-assigned" | "job-started";
      job: Job;
      scaleSet: string;
    }
  | { kind: "job-completed"; job: Job; scaleSet: string | undefined }
  | { kind: "runner-registered" | "runner-online" | "runner-offline"; runner: Runner }
  | { kind: "runner-removed"; runner: Runner };

/** The outcome of a move: the next ledger, what is new, and the answer to the one who asked. */
export interface Move<T> {
  ledger: Ledger;
  news: readonly News[];
  value: T;
}

export const emptyLedger: Ledger = {
  scaleSets: new Map(),
  open: new Map(),
  ended: undefined,
  runners: new Map(),
  queuedCount: 0,
  completedCount: 0,
  canceledCount: 0,
  // The first int64 that a JSON number read as a double would change: 2^53 + 1.
  nextRequestId: 9_007_199_254_740_993n,
  nextRunnerId: 1,
};

/**
 * Whether a scale set of `scope` with `labels` may run the job: all its labels, in any case of
 * letters.
 */
export function matches(set: { scope: string; labels: readonly string[] }, job: JobOrder): boolean {
  const scopes = [job.owner, `${job.owner}/${job.repository}`, `enterprises/${job.enterprise}`];
  if (!scopes.some((scope) => scope.toLowerCase() === set.scope)) return false;
  const has = new Set(set.labels.map((label) => label.toLowerCase()));
  return job.labels.length > 0 && job.labels.every((label) => has.has(label.toLowerCase()));
}

/** Ended jobs as a list, in the order in which they ended. */
export function endedJobs(ledger: Ledger): Job[] {
  const jobs: Job[] = [];
  for (let at = ledger.ended; at; at = at.earlier) jobs.push(at.job);
  return jobs.reverse();
}

export function withJob(ledger: Ledger, job: Job): Ledger {
  return { ...ledger, open: new Map(ledger.open).set(job.key, job) };
}

export function withScaleSet(ledger: Ledger, set: ScaleSetLedger): Ledger {
  return { ...ledger, scaleSets: new Map(ledger.scaleSets).set(set.key, set) };
}

export function withRunner(ledger: Ledger, runner: Runner): Ledger {
  return { ...ledger, runners: new Map(ledger.runners).set(runner.id, runner) };
}

/**
 * The ledger with one more line for a scale set's next message; a set that is gone hears nothing.
 */
export function withEntry(ledger: Ledger, scaleSet: string | undefined, entry: Entry): Ledger {
  const set = scaleSet === undefined ? undefined : ledger.scaleSets.get(scaleSet);
  return set ? withScaleSet(ledger, { ...set, pending: [...set.pending, entry] }) : ledger;
}

/** A move that changes nothing. */
export function stay<T>(ledger: Ledger, value: T): Move<T> {
  return { ledger, news: [], value };
}
