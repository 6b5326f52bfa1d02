// Why: the statistics are counted from the ledger whenever they are sent, never kept, so they
// cannot drift.
import type { Statistics } from "@runlet/domain/statistics";
import { matches, type Ledger } from "./ledger.ts";

/** The seven numbers of a scale set (actions/scaleset types.go, RunnerScaleSetStatistic). */
export function tally(
  ledger: Ledger,
  scaleSet: string,
  mode: "acquire" | "auto-assign",
): Statistics {
  const set = ledger.scaleSets.get(scaleSet);
  // github.com's broker tells of no job before it has assigned it.
  const announcing = mode === "acquire" ? set : undefined;
  const jobs = { available: 0, acquired: 0, assigned: 0, running: 0, completed: 0 };
  for (const job of ledger.open.values()) {
    if (job.scaleSet === scaleSet) jobs[job.state] += 1;
    else if (job.state === "available" && announcing && matches(announcing, job)) {
      jobs.available += 1;
    }
  }
  const runners = { offline: 0, idle: 0, busy: 0 };
  for (const runner of ledger.runners.values()) {
    if (runner.scaleSet === scaleSet) runners[runner.state] += 1;
  }
  return {
    totalAvailableJobs: jobs.available,
    totalAcquiredJobs: jobs.acquired,
    totalAssignedJobs: jobs.assigned + jobs.running,
    totalRunningJobs: jobs.running,
    totalRegisteredRunners: runners.busy + runners.idle,
    totalBusyRunners: runners.busy,
    totalIdleRunners: runners.idle,
  };
}
