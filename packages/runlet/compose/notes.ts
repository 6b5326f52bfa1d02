// Why: webhook and poller both see jobs; each leaves its note in the job's timeline, in the store's words.
import type { JobNews } from "@runlet/actions-service/service";
import type { Registry } from "@runlet/coordination/registry";
import type { TimelineNote, Timelines, TimelineWhat } from "@runlet/coordination/timelines";
import type { WorkflowJob } from "@runlet/control-plane/webhook/workflow-job";
import type { Clock } from "@runlet/runtime/clock";

const whatOfNews: Record<JobNews["type"], TimelineWhat> = {
  JobAvailable: "first-seen",
  JobAssigned: "assigned",
  JobStarted: "started",
  JobCompleted: "completed",
};

/** For the poller: one note a piece of news, kept by workflow run and job name; one write a job. */
export function noteNews(timelines: Timelines, registry: Registry) {
  const scopes = new Map<string, string>();
  return {
    async note(scaleSetKey: string, news: readonly JobNews[]) {
      const scopeKey =
        scopes.get(scaleSetKey) ?? (await registry.findScaleSet(scaleSetKey))?.row.scopeKey;
      if (!scopeKey) return;
      scopes.set(scaleSetKey, scopeKey);
      const byRun = Map.groupBy(news, ({ workflowRunId }) => workflowRunId);
      for (const [runId, ofRun] of byRun) {
        for (const [jobName, ofJob] of Map.groupBy(ofRun, ({ displayName }) => displayName)) {
          const notes = ofJob.map((job) => toNote(scaleSetKey, job));
          await timelines.note({ scopeKey, runId, jobName }, notes);
        }
      }
    },
  };
}

function toNote(scaleSetKey: string, job: JobNews): TimelineNote {
  return {
    what: whatOfNews[job.type],
    at: timeOf(job),
    by: "poller",
    scaleSetKey,
    ...("runnerName" in job && { runnerName: job.runnerName }),
    ...("result" in job && { detail: job.result }),
  };
}

function timeOf(job: JobNews): number {
  if (job.type === "JobCompleted") return job.finishedAt ?? 0;
  if (job.type === "JobStarted") return job.runnerAssignedAt ?? 0;
  return (job.type === "JobAssigned" ? job.assignedAt : job.queuedAt) ?? 0;
}

const whatOfAction: Record<WorkflowJob["action"], TimelineWhat> = {
  waiting: "first-seen",
  queued: "first-seen",
  in_progress: "started",
  completed: "completed",
};

/** Which of more scale sets than this gets the job is left to the service's own word. */
const candidatesMax = 5;

/** For the webhook: one note for each scale set that the job can go to. */
export function noteWebhook(timelines: Timelines, clock: Clock) {
  return async (job: WorkflowJob, scaleSetKeys: string[]) => {
    const byScope = Map.groupBy(scaleSetKeys, (key) => key.slice(0, key.lastIndexOf(":")));
    for (const [scopeKey, keys] of byScope) {
      const { action, runId, name: jobName, runnerName, conclusion } = job;
      const note = {
        what: whatOfAction[action],
        at: job.at ?? Math.round(clock.wallMs()),
        by: "webhook",
        ...(runnerName && { runnerName }),
        ...(conclusion && { detail: conclusion }),
      };
      const notes = keys.slice(0, candidatesMax).map((scaleSetKey) => ({ ...note, scaleSetKey }));
      await timelines.note({ scopeKey, runId, jobName }, notes);
    }
  };
}
