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
  const refusal = await createPod(ctx, runner);
  if (refusal?.reason === "QuotaExceeded") return waitForQuota(ctx, runner, refusal);
  if (refusal) {
    await failRunner(ctx, runner, refusal, signal);
    return {};
  }
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

/** Of a pod for what it is, not for the moment; 413: too large for etcd. Admission may answer with any of them. */
const refusals: readonly number[] = [400, 403, 413, 422];

interface Refusal {
  reason: "QuotaExceeded" | "InvalidPod";
  message: string;
}

/** Undefined: the pod is there, and ours. Throws what may pass. */
async function createPod(ctx: Context, runner: EphemeralRunner): Promise<Refusal | undefined> {
  try {
    ctx.kinds.pods.note(await ctx.client.create<Pod>(pods, runnerPod(runner, ctx.version)));
    return undefined;
  } catch (error) {
    if (!(error instanceof KubernetesError)) throw error;
    if (error.reason === "AlreadyExists") return takePod(ctx, runner, error);
    if (!refusals.includes(error.status)) throw error;
    const isQuota = error.status === 403 && error.message.includes("exceeded quota");
    return { reason: isQuota ? "QuotaExceeded" : "InvalidPod", message: error.message };
  }
}

/** The answer to an earlier attempt was lost, or somebody else has the name. */
async function takePod(
  ctx: Context,
  runner: EphemeralRunner,
  error: KubernetesError,
): Promise<Refusal | undefined> {
  const there = await ctx.client.find<Pod>(pods, keyOf(runner));
  if (!there) throw error;
  if (controllerOf(there)?.uid !== runner.metadata.uid)
    return { reason: "InvalidPod", message: "a pod of its name belongs to somebody else" };
  ctx.kinds.pods.note(there);
  return undefined;
}

async function waitForQuota(
  ctx: Context,
  runner: EphemeralRunner,
  { reason, message }: Refusal,
): Promise<PassResult> {
  const uid = runner.metadata.uid ?? "";
  const nowMs = ctx.clock.nowMs();
  const since = ctx.memory.of(uid).refusedSinceMs || nowMs;
  const againMs = ctx.settings.quotaRetryMs;
  ctx.memory.note(uid, { refusedSinceMs: since, notBeforeMs: nowMs + againMs });
  if (runner.status?.reason !== reason) {
    ctx.log.warn("pod_over_quota", { runner: objectKey(runner), message });
    await patchStatus(ctx, runner, { phase: "Pending", reason, message });
  }
  wakeRunnerSet(ctx, runner);
  return { againMs };
}
