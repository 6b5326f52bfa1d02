// Why: a pod that fails before its runner had a job is tried again, five times and ever slower (ARC). Unlike in
// ARC each attempt gets a registration of its own: the old one may have been used. A runner that cannot
// work at all is shown as Failed; its set retires it later.
import { pods, secrets, type EphemeralRunner } from "@runlet/kubernetes/resources";
import type { Context } from "../../context.ts";
import { controllerOf, keyOf, objectKey } from "../../object-key.ts";
import type { Pod } from "../../pod.ts";
import { removeObject } from "../../remove-object.ts";
import { endRunner } from "./end-runner.ts";
import { findJitSecret, removeRegistration } from "./remove-registration.ts";
import { patchStatus, wakeRunnerSet } from "./status.ts";

interface Why {
  reason: string;
  message: string;
}

/**
 * Counts a failed pod. In this order: registration, Secret, status, pod – whatever is cut off, the next pass
 * begins again and nothing is done twice that hurts.
 */
export async function retryPod(
  ctx: Context,
  runner: EphemeralRunner,
  pod: Pod,
  why: Why,
  signal: AbortSignal,
): Promise<void> {
  if ((await removeRegistration(ctx, runner, signal)) === "busy") {
    // It had a job that nobody told us of: the job is GitHub's to judge, the runner is over.
    return endRunner(ctx, runner);
  }
  await removeSecret(ctx, runner);
  const uid = runner.metadata.uid ?? "";
  ctx.memory.unregister(uid);
  const podUid = pod.metadata.uid ?? "";
  const failures = {
    ...runner.status?.failures,
    [podUid]: new Date(ctx.clock.wallMs()).toISOString().replace(/\.\d+Z$/, "Z"),
  };
  const updated = await patchStatus(ctx, runner, {
    failures,
    phase: "Pending",
    ready: false,
    runnerId: undefined,
    runnerName: undefined,
    ...why,
  });
  noteFailure(ctx, runner);
  ctx.log.info("runner_pod_failed", { runner: objectKey(runner), ...why });
  await removePod(ctx, updated, pod);
}

/** Phase Failed, for good: shown with its reason; pod, Secret and registration are gone. */
export async function failRunner(
  ctx: Context,
  runner: EphemeralRunner,
  why: Why,
  signal: AbortSignal,
): Promise<void> {
  ctx.log.warn("runner_failed", { runner: objectKey(runner), ...why });
  const failed = await patchStatus(ctx, runner, { phase: "Failed", ready: false, ...why });
  noteFailure(ctx, runner);
  await ctx.events.warn(failed, "EphemeralRunner", why.reason, why.message);
  await removeRegistration(ctx, failed, signal);
}

/** GitHub does not take this runner version any more: the set stops until its template changes. */
export async function outdateRunner(
  ctx: Context,
  runner: EphemeralRunner,
  message: string,
  signal: AbortSignal,
): Promise<void> {
  const outdated = await patchStatus(ctx, runner, {
    phase: "Outdated",
    ready: false,
    reason: "Outdated",
    message,
  });
  await removeRegistration(ctx, outdated, signal);
}

export async function removeSecret(ctx: Context, runner: EphemeralRunner): Promise<void> {
  const secret = await findJitSecret(ctx, runner);
  if (secret) await ctx.client.remove(secrets, keyOf(runner), preconditionOf(secret));
}

/** Deletes the pod if it is the runner's own. */
export async function removePod(ctx: Context, runner: EphemeralRunner, pod: Pod): Promise<void> {
  if (ctx.kinds.pods.isGoing(pod) || controllerOf(pod)?.uid !== runner.metadata.uid) return;
  await removeObject(ctx, pods, ctx.kinds.pods, pod);
}

function preconditionOf(object: { metadata: { uid?: string } }): { uid?: string } {
  return object.metadata.uid === undefined ? {} : { uid: object.metadata.uid };
}

/** Counts for the breaker of its set. */
export function noteFailure(ctx: Context, runner: EphemeralRunner): void {
  const set = controllerOf(runner)?.uid;
  const now = { nowMs: ctx.clock.nowMs(), wallMs: ctx.clock.wallMs() };
  if (set !== undefined) ctx.breakers.failed(set, now);
  wakeRunnerSet(ctx, runner);
}
