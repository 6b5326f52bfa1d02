// Why: one pass for one runner: observe it and its pod, plan, do the one thing that is next.
import { KubernetesError } from "@runlet/kubernetes/client";
import {
  finalizers,
  pods,
  ephemeralRunners,
  type EphemeralRunner,
} from "@runlet/kubernetes/resources";
import { isRunnerOfArc } from "../../arc.ts";
import type { Context } from "../../context.ts";
import { protectObject } from "../../protect-object.ts";
import { controllerOf, keyOf, objectKey, parseKey } from "../../object-key.ts";
import type { Pod } from "../../pod.ts";
import { jitSecretKeys, runnerIdOf } from "../../runner-pod.ts";
import type { PassResult } from "../../work-queue.ts";
import { checkRegistration, scheduleCheck } from "./check-registration.ts";
import { failRunner, outdateRunner, removePod, removeSecret, retryPod } from "./fail.ts";
import { finalizeRunner } from "./finalize.ts";
import { judgeExit } from "./judge-exit.ts";
import { launchPod } from "./launch-pod.ts";
import { hasJob, planRunner, type RunnerPlan } from "./plan-runner.ts";
import { endRunner } from "./end-runner.ts";
import { register } from "./register.ts";
import { findJitSecret, removeRegistration } from "./remove-registration.ts";
import { patchStatus } from "./status.ts";

export async function reconcileRunner(
  ctx: Context,
  key: string,
  signal: AbortSignal,
): Promise<PassResult> {
  const runner = ctx.kinds.runners.find(parseKey(key));
  if (!runner || !ctx.scope.manages(runner.metadata.namespace ?? "")) return {};
  if (isRunnerOfArc(ctx, runner)) return {};
  if (runner.metadata.deletionTimestamp) return finalizeRunner(ctx, runner, signal);
  if (ctx.kinds.runners.isGoing(runner)) return {};
  const own = [finalizers.ephemeralRunner, finalizers.runnerRegistration];
  const kept = await protectObject(ctx, ephemeralRunners, ctx.kinds.runners, runner, own);
  if (kept !== runner) return kept ? { againMs: 0 } : {};
  const pod = ctx.kinds.pods.find(keyOf(runner));
  const { settings, clock } = ctx;
  const facts = scheduleCheck(ctx, runner);
  const seen = { runner, pod, facts, nowMs: clock.nowMs(), wallMs: clock.wallMs() };
  return apply(ctx, runner, pod, planRunner(seen, settings), signal);
}

async function apply(
  ctx: Context,
  runner: EphemeralRunner,
  pod: Pod | undefined,
  plan: RunnerPlan,
  signal: AbortSignal,
): Promise<PassResult> {
  switch (plan.do) {
    case "wait":
      return plan.againMs === undefined ? {} : { againMs: plan.againMs };
    case "register":
      return register(ctx, runner, signal);
    case "launch":
      return launchPod(ctx, runner, signal);
    case "adopt":
      return adopt(ctx, runner, pod, signal);
    case "check":
      return checkRegistration(ctx, runner, pod, signal);
    case "confirm-lost":
      return confirmLost(ctx, runner);
    case "end":
      await end(ctx, runner, plan.why);
      if (plan.why === "finished" && !hasJob(runner)) await judgeExit(ctx, runner, pod, signal);
      // At once: were each runner put at the end of the queue again, of many that finish together all would go last.
      return finalizeRunner(ctx, runner, signal);
    case "show":
      if (pod && (await lacksSecret(ctx, runner, plan.status.reason))) {
        await retryPod(ctx, runner, pod, secretMissing, signal);
        return {};
      }
      await patchStatus(ctx, runner, plan.status);
      return {};
    case "retry":
      if (pod) await retryPod(ctx, runner, pod, plan, signal);
      return {};
    case "drop-pod":
    case "tidy":
      return tidy(ctx, runner, pod, plan.do, signal);
    case "fail":
      await failRunner(ctx, runner, plan, signal);
      return {};
    case "outdate":
      await outdateRunner(ctx, runner, plan.message, signal);
      return {};
  }
}

/** A runner that somebody else made without them would leak its registration. */
/** A crash fell between pod and status: the Secret says which registration the pod has. */
async function adopt(
  ctx: Context,
  runner: EphemeralRunner,
  pod: Pod | undefined,
  signal: AbortSignal,
): Promise<PassResult> {
  const known = ctx.memory.of(runner.metadata.uid ?? "").registration?.runnerId;
  const secret = known === undefined ? await findJitSecret(ctx, runner) : undefined;
  const runnerId = known ?? (secret && runnerIdOf(secret));
  if (runnerId === undefined) {
    if (pod) await retryPod(ctx, runner, pod, secretMissing, signal);
    return {};
  }
  const runnerName = runner.metadata.name;
  await patchStatus(ctx, runner, { runnerId, runnerName, phase: "Pending", ready: false });
  return { againMs: 0 };
}

/** A pod without its Secret can never start. */
const secretMissing = {
  reason: "SecretMissing",
  message: "the Secret with its JIT config is gone",
};

/** The kubelet's word for a container whose variables cannot be had: it may be ours, or one of the user's. */
async function lacksSecret(ctx: Context, runner: EphemeralRunner, reason: string) {
  if (reason !== "CreateContainerConfigError") return false;
  const secret = await findJitSecret(ctx, runner);
  return !secret?.data?.[jitSecretKeys.token];
}

/** The caches of runners and pods are two: before a runner is ended the cluster itself is asked. */
async function confirmLost(ctx: Context, runner: EphemeralRunner): Promise<PassResult> {
  const pod = await ctx.client.find<Pod>(pods, keyOf(runner));
  if (pod && controllerOf(pod)?.uid === runner.metadata.uid) {
    ctx.kinds.pods.note(pod);
    return { againMs: 1_000 };
  }
  await end(ctx, runner, "pod-gone");
  return {};
}

async function end(ctx: Context, runner: EphemeralRunner, why: string): Promise<void> {
  const withJob = hasJob(runner);
  ctx.log.info("runner_ended", { runner: objectKey(runner), why, withJob });
  const set = controllerOf(runner)?.uid;
  if (set !== undefined && withJob) ctx.breakers.succeeded(set);
  await endRunner(ctx, runner);
}

/** Pod and Secret of a runner that is done, or a counted pod that still stands. */
async function tidy(
  ctx: Context,
  runner: EphemeralRunner,
  pod: Pod | undefined,
  what: "tidy" | "drop-pod",
  signal: AbortSignal,
): Promise<PassResult> {
  if (pod) await removePod(ctx, runner, pod);
  const uid = runner.metadata.uid ?? "";
  if (what === "drop-pod" || ctx.memory.of(uid).tidied) return {};
  try {
    await removeRegistration(ctx, runner, signal);
    await removeSecret(ctx, runner);
  } catch (error) {
    if (!(error instanceof KubernetesError) || error.status !== 404) throw error;
  }
  ctx.memory.note(uid, { tidied: true });
  return {};
}
