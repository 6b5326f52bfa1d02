// Why: the cluster may refuse a pod for reasons that pass (quota) and reasons that do not (an invalid
// template, an admission policy). The first is tried again without spending a new registration, the second is
// shown on the runner (ARC 0.14.2, ephemeralrunner_controller.go, createPod).
import { KubernetesError } from "@runlet/kubernetes/client";
import { pods, type EphemeralRunner } from "@runlet/kubernetes/resources";
import type { Context } from "../../context.ts";
import { controllerOf, keyOf, objectKey } from "../../object-key.ts";
import type { Pod } from "../../pod.ts";
import { runnerPod } from "../../runner-pod.ts";
import type { PassResult } from "../../work-queue.ts";
import { failRunner } from "./fail.ts";
import { patchStatus, wakeRunnerSet } from "./status.ts";

/** The pod of a runner that this process has registered, then the status that says so. */
export async function launchPod(
  ctx: Context,
  runner: EphemeralRunner,
  signal: AbortSignal,
): Promise<PassResult> {
  const pod = await createPod(ctx, runner);
  if (pod instanceof KubernetesError) return afterRefusal(ctx, runner, pod, signal);
  const uid = runner.metadata.uid ?? "";
  const { registration } = ctx.memory.of(uid);
  ctx.memory.note(uid, { refusedSinceMs: 0 });
  await patchStatus(ctx, runner, {
    runnerId: registration?.runnerId,
    runnerName: registration?.runnerName,
    phase: "Pending",
    ready: false,
    reason: "",
    message: "",
  });
  return {};
}

/** The pod, or the cluster's refusal. A pod that is ours already is taken. */
async function createPod(ctx: Context, runner: EphemeralRunner): Promise<Pod | KubernetesError> {
  try {
    const pod = await ctx.client.create<Pod>(pods, runnerPod(runner, ctx.version));
    ctx.kinds.pods.note(pod);
    return pod;
  } catch (error) {
    if (!(error instanceof KubernetesError)) throw error;
    if (error.reason === "AlreadyExists") {
      const there = await ctx.client.find<Pod>(pods, keyOf(runner));
      if (there && controllerOf(there)?.uid === runner.metadata.uid) {
        ctx.kinds.pods.note(there);
        return there;
      }
    }
    return error;
  }
}

async function afterRefusal(
  ctx: Context,
  runner: EphemeralRunner,
  error: KubernetesError,
  signal: AbortSignal,
): Promise<PassResult> {
  const refused = error.status === 403 || error.status === 422;
  if (!refused) throw error;
  if (error.status === 403 && error.message.includes("exceeded quota")) {
    return waitForQuota(ctx, runner, error);
  }
  await failRunner(ctx, runner, { reason: "InvalidPod", message: error.message }, signal);
  return {};
}

async function waitForQuota(
  ctx: Context,
  runner: EphemeralRunner,
  error: KubernetesError,
): Promise<PassResult> {
  const uid = runner.metadata.uid ?? "";
  const nowMs = ctx.clock.nowMs();
  const since = ctx.memory.of(uid).refusedSinceMs || nowMs;
  const againMs = ctx.settings.quotaRetryMs;
  ctx.memory.note(uid, { refusedSinceMs: since, notBeforeMs: nowMs + againMs });
  if (runner.status?.reason !== "QuotaExceeded") {
    ctx.log.warn("pod_over_quota", { runner: objectKey(runner), error: error.message });
    await patchStatus(ctx, runner, {
      phase: "Pending",
      reason: "QuotaExceeded",
      message: error.message,
    });
  }
  wakeRunnerSet(ctx, runner);
  return { againMs };
}
