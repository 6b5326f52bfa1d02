// Why: after an outage of GitHub jobs may stay assigned that no runner ever takes: runners whose connection is dead
// (actions/actions-runner-controller #4312, #4396) or jobs that do not exist (#4193, #4397). Both look alike from here:
// the service counts jobs that wait, and runners have been idle for long. They are replaced, one at a time and ever
// more slowly, since a new runner cures the first and nothing here cures the second.
import type { Backoff } from "@runlet/runtime/backoff";

/** What is remembered of one runner set while jobs wait beside its idle runners. Monotonic ms. */
export interface IdleWatch {
  sinceMs: number;
  /** When it last looked like that. */
  seenMs: number;
  /** Present once that has lasted too long: runners replaced since, and when the next one is due. */
  stuck?: { steps: number; nextStepMs: number };
}

export interface IdleRules {
  /** So long a runner may be idle, and so long jobs may wait beside such runners. */
  afterMs: number;
  step: Backoff;
}

export interface IdleObservation {
  before: IdleWatch | undefined;
  /** Assigned and not running, by the service's last tally. */
  waitingJobs: number;
  /** Runners without a job, however young. */
  idleRunners: number;
  nowMs: number;
}

/** What to remember; undefined: all is well. */
export function watchIdleness(seen: IdleObservation, rules: IdleRules): IdleWatch | undefined {
  const { before, nowMs } = seen;
  if (seen.waitingJobs <= 0) return undefined;
  if (seen.idleRunners <= 0) {
    // The last one may just have been replaced: what comes must prove that it is better.
    const isOver = before === undefined || nowMs - before.seenMs > 2 * rules.afterMs;
    return isOver ? undefined : before;
  }
  const watch: IdleWatch = { sinceMs: nowMs, ...before, seenMs: nowMs };
  if (watch.stuck || nowMs - watch.sinceMs < rules.afterMs) return watch;
  return { ...watch, stuck: { steps: 0, nextStepMs: nowMs } };
}

/** One runner was asked to go because of it. */
export function afterStep(watch: IdleWatch, nowMs: number, rules: IdleRules): IdleWatch {
  const steps = (watch.stuck?.steps ?? 0) + 1;
  const { baseMs, capMs } = rules.step;
  const waitMs = Math.min(capMs, baseMs * 2 ** Math.min(steps - 1, 20));
  return { ...watch, stuck: { steps, nextStepMs: nowMs + waitMs } };
}
