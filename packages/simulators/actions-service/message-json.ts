// Why: a message's body is a JSON array inside a JSON string, with ids of 64 bits and times that
// may be missing in three ways (actions/scaleset types.go and client.go).
import type { Entry, Job } from "../job-ledger/ledger.ts";
import type { Knobs, Mode } from "./knobs.ts";
import { writeJson } from "./json.ts";

export interface MessageShape {
  mode: Mode;
  unsetTimes: Knobs["unsetTimes"];
  /** Turns an instant of the ledger into milliseconds since 1970. */
  wall: (at: number) => number;
}

/** The `body` of a message. */
export function messageBody(entries: readonly Entry[], shape: MessageShape): string {
  return writeJson(entries.map((entry) => entryJson(entry, shape)));
}

/** The fields that all kinds of entry share. */
export function jobFields(job: Job, shape: MessageShape): Record<string, unknown> {
  return {
    // github.com's broker has no request ids any more.
    runnerRequestId: shape.mode === "acquire" ? job.requestId : 0,
    jobId: job.jobId,
    repositoryName: job.repository,
    ownerName: job.owner,
    jobWorkflowRef: job.workflowRef,
    jobDisplayName: job.displayName,
    workflowRunId: job.workflowRunId,
    eventName: job.eventName,
    requestLabels: job.labels,
  };
}

function entryJson({ type, job }: Entry, shape: MessageShape): Record<string, unknown> {
  return {
    messageType: type,
    ...(type === "JobAvailable" ? { acquireJobUrl: "" } : {}),
    ...(type === "JobCompleted" ? { result: job.outcome } : {}),
    ...(type === "JobStarted" || type === "JobCompleted"
      ? { runnerId: job.runnerId ?? 0, runnerName: job.runnerName ?? "" }
      : {}),
    ...jobFields(job, shape),
    ...times(job, shape),
  };
}

function times(job: Job, shape: MessageShape): Record<string, unknown> {
  const known = {
    queueTime: shape.mode === "acquire" ? job.queuedAt : undefined,
    scaleSetAssignTime: job.assignedAt,
    runnerAssignTime: job.startedAt,
    finishTime: job.finishedAt,
  };
  const unset = { absent: undefined, null: null, zero: "0001-01-01T00:00:00Z" }[shape.unsetTimes];
  return Object.fromEntries(
    Object.entries(known).map(([name, at]) => [
      name,
      at === undefined ? unset : new Date(shape.wall(at)).toISOString(),
    ]),
  );
}
