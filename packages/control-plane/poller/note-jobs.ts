// Why: "jobs wait too long" is the alarm that people buy an autoscaler for, and a job that never begins is in no
// message. So the tally tells: jobs are assigned that do not run, and since when none of them has begun. What
// messages say of single jobs is logged under the run's id and the job's name, which the webhook knows too, and
// with the runner's name, which is its pod's: one query follows a job all the way.
import type { JobNews } from "@runlet/actions-service/service";
import { statisticsOf, type ServedSet } from "./scale-set.ts";
import type { Shard } from "./shard.ts";

/** Keeps since when jobs wait without one beginning, and shows for how long; before the checkpoint is written. */
export function noteWaiting(shard: Shard, set: ServedSet, news: readonly JobNews[]): void {
  const { clock, metrics } = shard.deps;
  const now = Math.round(clock.wallMs());
  const { totalAssignedJobs, totalRunningJobs } = statisticsOf(set);
  const isWaiting = totalAssignedJobs > totalRunningJobs;
  const began = news.some(({ type }) => type === "JobStarted");
  set.waitingSince = !isWaiting ? undefined : began ? now : (set.waitingSince ?? now);
  const forMs = now - (set.waitingSince ?? now);
  if (forMs > 0) metrics.observe("jobs-waiting", forMs);
}

const eventOf = {
  JobAvailable: "job_available",
  JobAssigned: "job_assigned",
  JobStarted: "job_started",
  JobCompleted: "job_completed",
} as const;

/** A line for each piece of a message's news; how long a job that began has waited. */
export function logJobs(shard: Shard, set: ServedSet, news: readonly JobNews[]): void {
  for (const job of news) {
    const { workflowRunId: runId, displayName: jobName, assignedAt, runnerAssignedAt } = job;
    const runnerName = "runnerName" in job ? job.runnerName : undefined;
    const result = "result" in job ? job.result : undefined;
    set.log.info(eventOf[job.type], { runId, jobName, runnerName, result });
    if (job.type !== "JobStarted" || assignedAt === undefined) continue;
    // As ARC's gha_job_startup_duration_seconds; times that are not set would give absurd ones.
    if (runnerAssignedAt === undefined || runnerAssignedAt < assignedAt) continue;
    shard.deps.metrics.observe("job-start", runnerAssignedAt - assignedAt);
  }
}
