// Why: a runner that is being deleted waits until the service lets its registration go. Where ARC would wait for ever (a
// credential that is gone or refused, a job whose pod died long ago, a service that is no more) there is a bound. It is
// counted from what stands on the objects, so that a restart of ours does not begin it anew.
import type { EphemeralRunner } from "@runlet/kubernetes/resources";
import { describeError } from "@runlet/runtime/log";
import type { Context } from "../../context.ts";
import { CredentialUnusable } from "../../credential.ts";
import { keyOf } from "../../object-key.ts";
import { runnerContainer, type Pod } from "../../pod.ts";
import { ServiceFailed } from "../../services.ts";
import { planPod } from "./plan-pod.ts";
import { hasJob, nodeLostMs } from "./plan-runner.ts";

/**
 * Why nobody asks the service any more, in words; undefined while it is worth another try. `answer` is "busy" or the
 * error by which the service could not be asked. GitHub drops such a registration by itself.
 */
export async function whyAbandoned(
  ctx: Context,
  runner: EphemeralRunner,
  answer: unknown,
): Promise<string | undefined> {
  const isOver = overMs(ctx, runner) >= giveUpMs(ctx, runner, answer);
  if (answer === "busy")
    return isOver ? "the service calls it busy, but its pod ended long ago" : undefined;
  if (isOver) return describeError(answer);
  return (await isOrphan(ctx, runner)) ? "its credential is gone" : undefined;
}

/** Where a pod lives, a job may run in it: nobody is believed but the service, and who told us of no job. */
function giveUpMs(ctx: Context, runner: EphemeralRunner, answer: unknown): number {
  const { busyGiveUpMs, unansweredGiveUpMs } = ctx.settings;
  if (!hasLivingPod(ctx, runner)) return busyGiveUpMs;
  if (answer === "busy" || hasJob(runner)) return Number.POSITIVE_INFINITY;
  const isRefused = answer instanceof ServiceFailed && answer.failure.reason === "unauthorized";
  return isRefused || answer instanceof CredentialUnusable ? busyGiveUpMs : unansweredGiveUpMs;
}

/** Nobody can ask the service any more: the credential is gone, and with it, as a rule, the namespace. */
async function isOrphan(ctx: Context, runner: EphemeralRunner): Promise<boolean> {
  const namespace = runner.metadata.namespace ?? "";
  const terminating = ctx.scope.isTerminating(namespace);
  if (!terminating && deletedMs(ctx, runner) < ctx.settings.orphanGiveUpMs) return false;
  // The end of a job needs no credential of ours.
  if (!terminating && hasJob(runner) && hasLivingPod(ctx, runner)) return false;
  const credential = await ctx.services.lookForCredential(namespace, runner.spec);
  // A namespace that ends loses its Roles in the same moment as its Secrets.
  return credential === "gone" || (terminating && credential === "forbidden");
}

export function hasLivingPod(ctx: Context, runner: EphemeralRunner): boolean {
  const pod = ctx.kinds.pods.find(keyOf(runner));
  if (pod === undefined || !["wait", "alive"].includes(planPod(pod).kind)) return false;
  const goneMs = ctx.clock.wallMs() - Date.parse(pod.metadata.deletionTimestamp ?? "");
  return !(goneMs > nodeLostMs);
}

/** Ms since it was deleted and, where its pod is still there to say when it ended, since then. */
function overMs(ctx: Context, runner: EphemeralRunner): number {
  const endedAt = endOf(ctx.kinds.pods.find(keyOf(runner)));
  const sinceDeletion = deletedMs(ctx, runner);
  return endedAt === undefined
    ? sinceDeletion
    : Math.min(sinceDeletion, ctx.clock.wallMs() - endedAt);
}

/** Wall ms; undefined: it has not ended, or does not say when. */
function endOf(pod: Pod | undefined): number | undefined {
  const container = pod?.status?.containerStatuses?.find(({ name }) => name === runnerContainer);
  const finished = Date.parse(container?.state?.terminated?.finishedAt ?? "");
  if (Number.isFinite(finished)) return finished;
  const lost = Date.parse(pod?.metadata.deletionTimestamp ?? "") + nodeLostMs;
  return Number.isFinite(lost) ? lost : undefined;
}

/** Ms since it was deleted. */
export function deletedMs(ctx: Context, runner: EphemeralRunner): number {
  const at = Date.parse(runner.metadata.deletionTimestamp ?? "");
  return Number.isFinite(at) ? ctx.clock.wallMs() - at : 0;
}
