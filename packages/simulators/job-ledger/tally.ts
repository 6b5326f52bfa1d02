// Why: the statistics are counted from the ledger whenever they are sent, never kept, so they cannot drift.
import type { Statistics } from "@runlet/domain/statistics";
import { matches, type Ledger } from "./ledger.ts";

/** The seven numbers of a scale set (actions/scaleset types.go, RunnerScaleSetStatistic). */
export function tally(
  ledger: Ledger,
  scaleSet: string,
  mode: "acquire" | "auto-assign",
): Statistics {
  const set = ledger.scaleSets.get(scaleSet);
  const jobs = [...ledger.open.values()];
  const count = (state: string) =>
    jobs.filter((job) => job.scaleSet === scaleSet && job.state === state).length;
  const runners = [...ledger.runners.values()].filter((runner) => runner.scaleSet === scaleSet);
  const busy = runners.filter((runner) => runner.state === "busy").length;
  const idle = runners.filter((runner) => runner.state === "idle").length;
  const available =
    mode === "acquire" && set
      ? jobs.filter((job) => job.state === "available" && matches(set, job)).length
      : 0;
  return {
    totalAvailableJobs: available,
    totalAcquiredJobs: count("acquired"),
    totalAssignedJobs: count("assigned") + count("running"),
    totalRunningJobs: count("running"),
    totalRegisteredRunners: busy + idle,
    totalBusyRunners: busy,
    totalIdleRunners: idle,
  };
}
