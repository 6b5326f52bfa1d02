// Why: JobStarted marks a runner as busy in the cluster, which keeps a scale-down from taking it (ARC #3748). The
// runner's name tells its target; the status fields are ARC's (cmd/ghalistener/scaler/scaler.go).
import type { JobNews } from "@runlet/actions-service/service";
import type { JobStartedFact } from "@runlet/coordination/checkpoints";
import { KubernetesError, type KubernetesClient } from "@runlet/kubernetes/client";
import { ephemeralRunners } from "@runlet/kubernetes/resources";
import { DeadlineExceeded, withDeadline } from "@runlet/runtime/deadline";
import { describeError } from "@runlet/runtime/log";
import { dropOldest, oweJobStarted, settleJobStarted, takeOwedJobStarted } from "./owed.ts";
import type { ServedSet } from "./scale-set.ts";
import type { Shard } from "./shard.ts";
import { targetOfRunner } from "./target-of-runner.ts";
import type { TargetView } from "./view-target.ts";

// TypeScript's library does not know JSON.rawJSON yet; Node has it since version 21.
const { rawJSON } = JSON as unknown as { rawJSON: (text: string) => unknown };

/** The facts of the JobStarted entries of a message. */
export function startedFacts(news: readonly JobNews[]): JobStartedFact[] {
  return news
    .filter((one) => one.type === "JobStarted")
    .map((one) => ({
      runnerName: one.runnerName,
      requestId: one.requestId,
      jobId: one.jobId,
      repository: `${one.ownerName}/${one.repositoryName}`,
      workflowRef: one.workflowRef,
      workflowRunId: one.workflowRunId,
      displayName: one.displayName,
    }));
}

/**
 * Writes the facts to the runners' status, those owed from before first. May hold up the turn for
 * jobStartedHoldMs; what is not written by then is owed.
 */
export async function noteStarted(
  shard: Shard,
  set: ServedSet,
  views: readonly TargetView[],
  facts: readonly JobStartedFact[],
): Promise<void> {
  const { clock, random, settings, metrics } = shard.deps;
  const open = [...takeOwedJobStarted(set, views, clock.nowMs()), ...facts];
  if (open.length === 0) return;
  const done = new Set<JobStartedFact>();
  const all = (signal: AbortSignal) =>
    Promise.all(
      open.map(async (fact) => {
        if (await noteOne(shard, set, views, fact, signal)) done.add(fact);
      }),
    );
  try {
    await withDeadline(clock, settings.jobStartedHoldMs, shard.signal, all);
  } catch (error) {
    if (!(error instanceof DeadlineExceeded)) throw error;
  }
  metrics.count("jobs-started", done.size);
  const left = open.filter((fact) => !done.has(fact));
  for (const fact of left) oweJobStarted(set, views, fact);
  const dropped = dropOldest(set);
  settleJobStarted(set, views, { random, nowMs: clock.nowMs() });
  if (left.length > 0) set.log.warn("jobs_started_owed", { jobsCount: left.length });
  if (dropped > 0) set.log.warn("jobs_started_dropped", { jobsCount: dropped });
}

/** True when the fact is written, or when nobody will ever take it: no target knows the runner, or it is refused. */
async function noteOne(
  shard: Shard,
  set: ServedSet,
  views: readonly TargetView[],
  fact: JobStartedFact,
  signal: AbortSignal,
): Promise<boolean> {
  const key = targetOfRunner(set.targets, fact.runnerName);
  const candidates = key === undefined ? views : views.filter((view) => view.key === key);
  let unsure = false;
  for (const view of candidates) {
    if (view.state === "silent" || !view.client) unsure = true;
    else {
      const outcome = await patchStatus(shard, set, view, view.client, fact, signal);
      if (outcome === "written") return true;
      if (outcome === "failed") unsure = true;
    }
  }
  return !unsure;
}

async function patchStatus(
  shard: Shard,
  set: ServedSet,
  view: TargetView,
  client: KubernetesClient,
  fact: JobStartedFact,
  signal: AbortSignal,
): Promise<"written" | "given-up" | "failed"> {
  const { namespace } = view.ref;
  const body = { status: statusOf(fact) };
  try {
    await shard.effect(`cluster ${view.ref.cluster}`, set.row.key, async (options) => {
      signal.throwIfAborted();
      return client.patch(
        ephemeralRunners,
        { namespace, name: fact.runnerName },
        { type: "merge", body },
        { ...options, signal, subresource: "status" },
      );
    });
    return "written";
  } catch (error) {
    if (!(error instanceof KubernetesError)) {
      if (signal.aborted) return "failed";
      throw error;
    }
    if (error.status === 404) return "given-up";
    if (isPassing(error.status)) return "failed";
    const { runnerName, jobId } = fact;
    set.log.warn("job_started_refused", { runnerName, jobId, error: describeError(error) });
    return "given-up";
  }
}

/** An answer that may be another next time; any other 4xx refuses the fact itself. */
function isPassing(status: number): boolean {
  return status < 400 || status >= 500 || [401, 403, 408, 409, 429].includes(status);
}

function statusOf(fact: JobStartedFact): Record<string, unknown> {
  return {
    jobRequestId: int64(fact.requestId),
    jobRepositoryName: fact.repository,
    jobId: fact.jobId,
    workflowRunId: int64(fact.workflowRunId),
    jobWorkflowRef: fact.workflowRef,
    jobDisplayName: fact.displayName,
  };
}

/** All its digits: a JSON number above 2^53 - 1 would be rounded. */
function int64(digits: string): unknown {
  return /^-?(0|[1-9]\d{0,18})$/.test(digits) ? rawJSON(digits) : 0;
}
