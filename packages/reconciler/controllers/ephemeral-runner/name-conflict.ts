// Why: a name that is taken at the service has one of three holders: an attempt of ours whose answer was lost, a second
// reconciler that should not be there, or a stranger. Only the first one's registration may be removed.
import type { EphemeralRunner } from "@runlet/kubernetes/resources";
import type { Context } from "../../context.ts";
import { runnerIdOf } from "../../runner-pod.ts";
import { ServiceFailed, type ScopedService } from "../../services.ts";
import type { PassResult } from "../../work-queue.ts";
import { endRunner } from "./end-runner.ts";
import { findJitSecret } from "./remove-registration.ts";

/** What another process needs between its registration and its Secret. */
const secretDueMs = 2_000;

/**
 * "ours": the registration and its Secret are there and noted, the pod may be made. Ours without a Secret (same scale
 * set, idle) is removed, and the next pass registers; anybody else's ends this runner.
 */
export async function resolveConflict(
  ctx: Context,
  runner: EphemeralRunner,
  { service }: ScopedService,
  signal: AbortSignal,
): Promise<"ours" | PassResult> {
  const { name, uid = "" } = runner.metadata;
  const found = await service.findRunnerByName(name, { signal });
  if (!found.ok) throw new ServiceFailed(`looking for runner ${name}`, found.failure);
  if (!found.value) return { againMs: 1_000 };
  const { id, scaleSetId } = found.value;
  if (scaleSetId !== runner.spec.runnerScaleSetId) return giveUpName(ctx, runner, scaleSetId);
  if (await hasSecretOf(ctx, runner, id)) {
    const registration = { runnerId: id, runnerName: name, atMs: ctx.clock.nowMs() };
    ctx.memory.note(uid, { registration, registrationGone: false });
    return "ours";
  }
  if (ctx.memory.of(uid).conflictWith !== id) {
    ctx.memory.note(uid, { conflictWith: id });
    return { againMs: secretDueMs };
  }
  const removed = await service.removeRunner(id, { signal });
  if (!removed.ok) throw new ServiceFailed(`removing runner ${name}`, removed.failure);
  if (removed.value === "busy") return giveUpName(ctx, runner, scaleSetId);
  ctx.log.info("own_registration_removed", { runner: name, id });
  return { againMs: 0 };
}

/** A Secret that is old holds a JIT config that may have ended with its hour. */
async function hasSecretOf(ctx: Context, runner: EphemeralRunner, id: number): Promise<boolean> {
  const secret = await findJitSecret(ctx, runner);
  if (!secret || runnerIdOf(secret) !== id) return false;
  const ageMs = ctx.clock.wallMs() - Date.parse(secret.metadata.creationTimestamp ?? "");
  return ageMs < ctx.settings.startLimitMs;
}

async function giveUpName(ctx: Context, runner: EphemeralRunner, by: number): Promise<PassResult> {
  ctx.log.warn("runner_name_taken", { runner: runner.metadata.name, by });
  await endRunner(ctx, runner);
  return {};
}
