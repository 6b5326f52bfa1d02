// Why: a runner leaves in one order: the service lets its registration go, then the pod is deleted, then the
// finalizers. Until the service agrees the pod runs on, so deleting a busy runner waits for its job. Where
// ARC would wait for ever (a credential that is gone, a job whose pod died long ago) there is a bound.
import { KubernetesError } from "@runlet/kubernetes/client";
import {
  ephemeralRunners,
  finalizers,
  labels,
  pods,
  secrets,
  type EphemeralRunner,
} from "@runlet/kubernetes/resources";
import { describeError } from "@runlet/runtime/log";
import { isClusterAway } from "../../cluster-away.ts";
import type { Context } from "../../context.ts";
import { keyOf, objectKey } from "../../object-key.ts";
import { usesContainerHooks } from "../../runner-pod.ts";
import type { PassResult } from "../../work-queue.ts";
import { removePod } from "./fail.ts";
import { planPod } from "./plan-pod.ts";
import { hasJob, nodeLostMs } from "./plan-runner.ts";
import { removeRegistration } from "./remove-registration.ts";
import { patchStatus } from "./status.ts";

const ours: readonly string[] = [finalizers.runnerRegistration, finalizers.ephemeralRunner];

export async function finalizeRunner(
  ctx: Context,
  runner: EphemeralRunner,
  signal: AbortSignal,
): Promise<PassResult> {
  const held = runner.metadata.finalizers ?? [];
  if (!held.some((one) => ours.includes(one))) return {};
  const uid = runner.metadata.uid ?? "";
  // Its last event may come after the deed.
  if (ctx.memory.of(uid).released) return {};
  if (held.includes(finalizers.runnerRegistration)) {
    const restMs = (ctx.memory.of(uid).busyUntilMs ?? 0) - ctx.clock.nowMs();
    // The end of the pod is news; before that the service would say the same again.
    if (restMs > 0 && hasLivingPod(ctx, runner)) return { againMs: restMs };
    if ((await endRegistration(ctx, runner, signal)) === "busy") {
      await showBusy(ctx, runner);
      return { againMs: ctx.settings.busyRetryMs };
    }
  }
  const pod = ctx.kinds.pods.find(keyOf(runner));
  if (pod) await removePod(ctx, runner, pod);
  if (usesContainerHooks(runner)) await endHookObjects(ctx, runner);
  // Noted first: its last event may also come before the answer, and then nothing must be remembered any more.
  ctx.memory.note(uid, { released: true });
  try {
    await dropFinalizers(ctx, runner, held);
  } catch (error) {
    ctx.memory.note(uid, { released: false });
    throw error;
  }
  return {};
}

async function endRegistration(
  ctx: Context,
  runner: EphemeralRunner,
  signal: AbortSignal,
): Promise<"ended" | "busy"> {
  try {
    if ((await removeRegistration(ctx, runner, signal)) === "removed") return "ended";
  } catch (error) {
    // A right that is missing (403) is no such thing: it counts as a service that cannot be asked.
    if (isClusterAway(error)) throw error;
    if (isOverdue(ctx, runner)) return giveUp(ctx, runner, describeError(error));
    if (await isOrphan(ctx, runner)) return giveUp(ctx, runner, "its credential is gone");
    throw error;
  }
  if (!isOverdue(ctx, runner)) return "busy";
  return giveUp(ctx, runner, "the service calls it busy, but its pod ended long ago");
}

/** Nothing of it runs any more, and the service has had its time. GitHub drops such a registration by itself. */
function isOverdue(ctx: Context, runner: EphemeralRunner): boolean {
  return sinceDeletion(ctx, runner) >= ctx.settings.busyGiveUpMs && !hasLivingPod(ctx, runner);
}

/** Why a deleted runner is still there. */
async function showBusy(ctx: Context, runner: EphemeralRunner): Promise<void> {
  const reason = "JobRunning";
  if (runner.status?.reason === reason) return;
  const message = "it goes when its job has ended: GitHub says that one is running";
  await patchStatus(ctx, runner, { reason, message });
}

/** Nobody can ask the service any more: the credential is gone, and with it, as a rule, the namespace. */
async function isOrphan(ctx: Context, runner: EphemeralRunner): Promise<boolean> {
  const namespace = runner.metadata.namespace ?? "";
  const terminating = ctx.scope.isTerminating(namespace);
  if (!terminating && sinceDeletion(ctx, runner) < ctx.settings.orphanGiveUpMs) return false;
  // The end of a job needs no credential of ours.
  if (!terminating && hasJob(runner) && hasLivingPod(ctx, runner)) return false;
  return !(await ctx.services.hasCredential(namespace, runner.spec));
}

async function giveUp(ctx: Context, runner: EphemeralRunner, why: string): Promise<"ended"> {
  const message = `the registration of ${runner.metadata.name} was left to GitHub: ${why}`;
  await ctx.events.warn(runner, "EphemeralRunner", "RegistrationAbandoned", message);
  return "ended";
}

function sinceDeletion(ctx: Context, runner: EphemeralRunner): number {
  const at = Date.parse(runner.metadata.deletionTimestamp ?? "");
  return Number.isFinite(at) ? ctx.clock.wallMs() - at : 0;
}

function hasLivingPod(ctx: Context, runner: EphemeralRunner): boolean {
  const pod = ctx.kinds.pods.find(keyOf(runner));
  if (pod === undefined || !["wait", "alive"].includes(planPod(pod).kind)) return false;
  const goneMs = ctx.clock.wallMs() - Date.parse(pod.metadata.deletionTimestamp ?? "");
  return !(goneMs > nodeLostMs);
}

/** A right that is missing holds the runner up, but not for ever. */
async function endHookObjects(ctx: Context, runner: EphemeralRunner): Promise<void> {
  try {
    await removeHookObjects(ctx, runner);
  } catch (error) {
    const forbidden = error instanceof KubernetesError && error.status === 403;
    if (!forbidden || sinceDeletion(ctx, runner) < ctx.settings.orphanGiveUpMs) throw error;
    const message = `what its job made was left: ${error.message}`;
    await ctx.events.warn(runner, "EphemeralRunner", "JobPodsAbandoned", message);
  }
}

/** Container hooks make pods and Secrets of their own, labelled with the runner's name. */
async function removeHookObjects(ctx: Context, runner: EphemeralRunner): Promise<void> {
  const namespace = runner.metadata.namespace ?? "";
  const labelSelector = `${labels.runnerPod}=${runner.metadata.name}`;
  for (const resource of [pods, secrets]) {
    const left = await ctx.client.list(resource, { namespace, labelSelector });
    for (const object of left.items) {
      await ctx.client.remove(resource, { namespace, name: object.metadata.name });
    }
  }
}

/** One patch for both; it names what it saw, so that a finalizer of somebody else is never lost. */
async function dropFinalizers(
  ctx: Context,
  runner: EphemeralRunner,
  held: string[],
): Promise<void> {
  const value = held.filter((one) => !ours.includes(one));
  const path = "/metadata/finalizers";
  try {
    const patched = await ctx.client.patch<EphemeralRunner>(ephemeralRunners, keyOf(runner), {
      type: "json",
      operations: [
        { op: "test", path: "/metadata/uid", value: runner.metadata.uid },
        { op: "test", path, value: held },
        { op: "replace", path, value },
      ],
    });
    if (value.length > 0) ctx.kinds.runners.note(patched);
    ctx.log.info("runner_removed", { runner: objectKey(runner) });
  } catch (error) {
    if (!(error instanceof KubernetesError) || error.status !== 404) throw error;
  }
}
