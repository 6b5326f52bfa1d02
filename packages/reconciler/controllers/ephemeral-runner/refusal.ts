// Why: the cluster may refuse a pod, or its Secret, for reasons that pass (quota) and reasons that do not (an invalid
// template, an admission policy). The first is tried again, slowly, the second is shown on the runner (ARC 0.14.2,
// ephemeralrunner_controller.go, createPod).
import { KubernetesError } from "@runlet/kubernetes/client";
import type { EphemeralRunner } from "@runlet/kubernetes/resources";
import type { Context } from "../../context.ts";
import { objectKey } from "../../object-key.ts";
import type { PassResult } from "../../work-queue.ts";
import { failRunner } from "./fail.ts";
import { patchStatus, wakeRunnerSet } from "./status.ts";

export interface Refusal {
  reason: "QuotaExceeded" | "InvalidPod" | "InvalidSecret";
  /** The API server's. */
  message: string;
}

/** Of an object for what it is, not for the moment; 413: too large for etcd. Admission may answer with any of them. */
const refusals: readonly number[] = [400, 403, 413, 422];

/** What a failed create says. Throws what is no refusal: it may pass. */
export function refusalOf(error: unknown, otherwise: "InvalidPod" | "InvalidSecret"): Refusal {
  if (!(error instanceof KubernetesError) || !refusals.includes(error.status)) throw error;
  const isQuota = error.status === 403 && error.message.includes("exceeded quota");
  return { reason: isQuota ? "QuotaExceeded" : otherwise, message: error.message };
}

export async function afterRefusal(
  ctx: Context,
  runner: EphemeralRunner,
  refusal: Refusal,
  signal: AbortSignal,
): Promise<PassResult> {
  if (refusal.reason === "QuotaExceeded") return waitForQuota(ctx, runner, refusal);
  await failRunner(ctx, runner, refusal, signal);
  return {};
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
