// Why: a runner leaves in one order: the service lets its registration go, then the pod is deleted, then the
// finalizers. Until the service agrees the pod runs on, so deleting a busy runner waits for its job.
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
import { deletedMs, hasLivingPod, whyAbandoned } from "./abandon.ts";
import { removePod } from "./fail.ts";
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
      const message = "it goes when its job has ended: GitHub says that one is running";
      await show(ctx, runner, "JobRunning", message);
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
    const why = await whyAbandoned(ctx, runner, error);
    if (why !== undefined) return giveUp(ctx, runner, why);
    await showUnanswered(ctx, runner, error);
    throw error;
  }
  const why = await whyAbandoned(ctx, runner, "busy");
  return why === undefined ? "busy" : giveUp(ctx, runner, why);
}

/** Why a deleted runner is still there, once it has been so for a while. */
async function showUnanswered(ctx: Context, runner: EphemeralRunner, error: unknown) {
  if (deletedMs(ctx, runner) < ctx.settings.unansweredShownMs) return;
  const reason = "RemovalUnanswered";
  await show(ctx, runner, reason, `GitHub cannot be asked to let it go: ${describeError(error)}`);
}

async function show(ctx: Context, runner: EphemeralRunner, reason: string, message: string) {
  if (runner.status?.reason !== reason) await patchStatus(ctx, runner, { reason, message });
}

async function giveUp(ctx: Context, runner: EphemeralRunner, why: string): Promise<"ended"> {
  const message = `the registration of ${runner.metadata.name} was left to GitHub: ${why}`;
  await ctx.events.warn(runner, "EphemeralRunner", "RegistrationAbandoned", message);
  return "ended";
}

/** A right that is missing holds the runner up, but not for ever. */
async function endHookObjects(ctx: Context, runner: EphemeralRunner): Promise<void> {
  try {
    await removeHookObjects(ctx, runner);
  } catch (error) {
    const forbidden = error instanceof KubernetesError && error.status === 403;
    const isEnding = ctx.scope.isTerminating(runner.metadata.namespace ?? "");
    const isEarly = !isEnding && deletedMs(ctx, runner) < ctx.settings.orphanGiveUpMs;
    if (!forbidden || isEarly) throw error;
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
