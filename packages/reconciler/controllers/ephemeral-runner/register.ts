// Why: a runner begins with its registration: a JIT config from the service, kept in a Secret that only its
// pod reads. An answer may be lost at any point; the name, which nobody else uses, leads back to it.
import { KubernetesError } from "@runlet/kubernetes/client";
import { secrets, type EphemeralRunner } from "@runlet/kubernetes/resources";
import type { Failure, JitConfig } from "@runlet/actions-service/service";
import { describeError } from "@runlet/runtime/log";
import type { Context } from "../../context.ts";
import { controllerOf, keyOf } from "../../object-key.ts";
import { jitSecret, workFolderOf } from "../../runner-pod.ts";
import { ServiceFailed, type ScopedService } from "../../services.ts";
import type { PassResult } from "../../work-queue.ts";
import { resolveConflict } from "./name-conflict.ts";
import { launchPod } from "./launch-pod.ts";
import { afterRefusal, refusalOf, type Refusal } from "./refusal.ts";
import { patchStatus } from "./status.ts";

/** Registers and, when that is done, makes the pod. What fails again is shown on the runner. */
export async function register(
  ctx: Context,
  runner: EphemeralRunner,
  signal: AbortSignal,
): Promise<PassResult> {
  const uid = runner.metadata.uid ?? "";
  try {
    return await registerOnce(ctx, runner, signal);
  } catch (error) {
    if (error instanceof KubernetesError || signal.aborted) throw error;
    const failures = (ctx.memory.of(uid).registrationFailures ?? 0) + 1;
    ctx.memory.note(uid, { registrationFailures: failures });
    const reason = "RegistrationFailed";
    // Once is nothing: most of what fails at the service passes within seconds.
    if (failures > 1 && runner.status?.reason !== reason)
      await patchStatus(ctx, runner, { phase: "Pending", reason, message: describeError(error) });
    throw error;
  }
}

async function registerOnce(
  ctx: Context,
  runner: EphemeralRunner,
  signal: AbortSignal,
): Promise<PassResult> {
  const scoped = await ctx.services.find(runner.metadata.namespace ?? "", runner.spec);
  const againMs = ctx.limit.reserve(scoped.scopeKey, runner.metadata.uid ?? "");
  if (againMs > 0) return { againMs };
  const outcome = await scoped.service.generateJitConfig(
    runner.spec.runnerScaleSetId,
    { name: runner.metadata.name, workFolder: workFolderOf(runner) },
    { signal },
  );
  if (!outcome.ok) return afterFailure(ctx, runner, scoped, outcome.failure, signal);
  const uid = runner.metadata.uid ?? "";
  const { id: runnerId, name: runnerName } = outcome.value.runner;
  ctx.memory.unregister(uid);
  const refusal = await keepSecret(ctx, runner, outcome.value);
  if (refusal) {
    // Nobody will ever have its JIT config.
    await scoped.service.removeRunner(runnerId, { signal });
    return afterRefusal(ctx, runner, refusal, signal);
  }
  const registration = { runnerId, runnerName, atMs: ctx.clock.nowMs() };
  ctx.memory.note(uid, { registration, registrationFailures: 0 });
  return launchPod(ctx, runner, signal);
}

async function afterFailure(
  ctx: Context,
  runner: EphemeralRunner,
  scoped: ScopedService,
  failure: Failure,
  signal: AbortSignal,
): Promise<PassResult> {
  if (failure.reason === "runner-exists") {
    const settled = await resolveConflict(ctx, runner, scoped, signal);
    return settled === "ours" ? launchPod(ctx, runner, signal) : settled;
  }
  if (failure.reason === "rate-limited") {
    const againMs = failure.retryAfterMs ?? 30_000;
    ctx.limit.pause(scoped.scopeKey, againMs);
    ctx.log.warn("registration_limited", { scope: scoped.scopeKey, againMs });
    return { againMs };
  }
  if (failure.reason === "scale-set-gone") doubtScaleSet(ctx, runner);
  throw new ServiceFailed(`registering runner ${runner.metadata.name}`, failure);
}

/** The AutoscalingRunnerSet looks the scale set up again, and makes a new one if it is really gone. */
function doubtScaleSet(ctx: Context, runner: EphemeralRunner) {
  const setName = controllerOf(runner)?.name ?? "";
  const namespace = runner.metadata.namespace ?? "";
  const set = ctx.kinds.runnerSets.find({ namespace, name: setName });
  const owner = set && controllerOf(set);
  // A runner of an earlier scale set: its set has been told already, and replaces it.
  const current = set?.spec.ephemeralRunnerSpec?.runnerScaleSetId;
  if (!owner || current !== runner.spec.runnerScaleSetId) return;
  ctx.doubted.add(owner.uid);
  ctx.wake.autoscaling(`${namespace}/${owner.name}`);
}

/** A Secret that is left from an earlier attempt holds a registration that has just been replaced. */
async function keepSecret(
  ctx: Context,
  runner: EphemeralRunner,
  jit: JitConfig,
): Promise<Refusal | undefined> {
  const secret = jitSecret(runner, jit);
  try {
    await ctx.client.create(secrets, secret);
  } catch (error) {
    const exists = error instanceof KubernetesError && error.reason === "AlreadyExists";
    if (!exists) return refusalOf(error, "InvalidSecret");
    const body = {
      data: secret.data,
      metadata: { ownerReferences: secret.metadata.ownerReferences },
    };
    await ctx.client.patch(secrets, keyOf(runner), { type: "merge", body });
  }
  return undefined;
}
