// Why: a runner is registered once, comes online once, runs one job and is gone; the service alone
// decides whether it may be removed.
import { endJob, forgetRunner } from "./end-jobs.ts";
import {
  stay,
  withEntry,
  withJob,
  withRunner,
  type Job,
  type Ledger,
  type Move,
  type Runner,
} from "./ledger.ts";

/**
 * Registers an offline runner; undefined if the name is taken in its scope (in any case of
 * letters).
 */
export function registerRunner(
  ledger: Ledger,
  runner: { name: string; scope: string; scaleSet: string },
  at: number,
): Move<Runner | undefined> {
  const name = runner.name.toLowerCase();
  for (const other of ledger.runners.values()) {
    if (other.scope === runner.scope && other.name.toLowerCase() === name) {
      return stay(ledger, undefined);
    }
  }
  const registered: Runner = {
    ...runner,
    id: ledger.nextRunnerId,
    state: "offline",
    job: undefined,
    registeredAt: at,
  };
  return {
    ledger: { ...withRunner(ledger, registered), nextRunnerId: ledger.nextRunnerId + 1 },
    news: [{ kind: "runner-registered", runner: registered }],
    value: registered,
  };
}

/** The runner is there and waits for a job. */
export function connectRunner(ledger: Ledger, id: number): Move<Runner | undefined> {
  const runner = ledger.runners.get(id);
  if (!runner || runner.state !== "offline") return stay(ledger, undefined);
  const online: Runner = { ...runner, state: "idle" };
  return {
    ledger: withRunner(ledger, online),
    news: [{ kind: "runner-online", runner: online }],
    value: online,
  };
}

/**
 * The runner is not there any more. With a job, the job ends as `lostOutcome` and the registration
 * goes with it; without one it stays registered, offline, until somebody removes it.
 */
export function loseRunner(
  ledger: Ledger,
  id: number,
  lostOutcome: string,
  at: number,
): Move<Job | undefined> {
  const runner = ledger.runners.get(id);
  if (!runner || runner.state === "offline") return stay(ledger, undefined);
  const job = runner.job === undefined ? undefined : ledger.open.get(runner.job);
  if (job) return endJob(ledger, job, lostOutcome, at);
  const offline: Runner = { ...runner, state: "offline" };
  return {
    ledger: withRunner(ledger, offline),
    news: [{ kind: "runner-offline", runner: offline }],
    value: undefined,
  };
}

/** Gives an idle runner the oldest job assigned to its scale set. */
export function startJob(ledger: Ledger, runnerId: number, at: number): Move<Job | undefined> {
  const runner = ledger.runners.get(runnerId);
  if (runner?.state !== "idle") return stay(ledger, undefined);
  for (const job of ledger.open.values()) {
    if (job.state !== "assigned" || job.scaleSet !== runner.scaleSet) continue;
    const started: Job = {
      ...job,
      state: "running",
      runnerId,
      runnerName: runner.name,
      startedAt: at,
    };
    const busy = withRunner(withJob(ledger, started), { ...runner, state: "busy", job: job.key });
    return {
      ledger: withEntry(busy, runner.scaleSet, { type: "JobStarted", job: started }),
      news: [{ kind: "job-started", job: started, scaleSet: runner.scaleSet }],
      value: started,
    };
  }
  return stay(ledger, undefined);
}

/** Removes a registration, unless a job runs on it. */
export function removeRunner(ledger: Ledger, id: number): Move<"removed" | "busy" | "absent"> {
  const runner = ledger.runners.get(id);
  if (!runner) return stay(ledger, "absent");
  if (runner.state === "busy") return stay(ledger, "busy");
  return { ...forgetRunner(ledger, runner), value: "removed" };
}
