// Why: the service alone knows whether a runner has a job. Whoever wants a runner gone asks it first, by
// removing the registration; "busy" means keep. A registration whose id was lost with an answer is found
// by its name, and only if it belongs to our own scale set.
import { KubernetesError } from "@runlet/kubernetes/client";
import { secrets, type EphemeralRunner } from "@runlet/kubernetes/resources";
import type { Context } from "../../context.ts";
import { keyOf } from "../../object-key.ts";
import type { Secret } from "../../pod.ts";
import { runnerIdOf } from "../../runner-pod.ts";
import { ServiceFailed, type ScopedService } from "../../services.ts";

/**
 * "removed": it does not exist any more, "busy": it has a job. Throws ServiceFailed and KubernetesError;
 * then nothing is known.
 */
export async function removeRegistration(
  ctx: Context,
  runner: EphemeralRunner,
  signal: AbortSignal,
): Promise<"removed" | "busy"> {
  const uid = runner.metadata.uid ?? "";
  const facts = ctx.memory.of(uid);
  if (facts.registrationGone) return "removed";
  const scoped = await ctx.services.find(runner.metadata.namespace ?? "", runner.spec);
  const id = await findRunnerId(ctx, scoped, runner, signal);
  if (id !== undefined) {
    const outcome = await scoped.service.removeRunner(id, { signal });
    if (!outcome.ok)
      throw new ServiceFailed(`removing runner ${runner.metadata.name}`, outcome.failure);
    if (outcome.value === "busy") {
      const busyUntilMs = ctx.clock.nowMs() + ctx.settings.busyRetryMs;
      ctx.memory.note(uid, { busyUntilMs });
      return "busy";
    }
  }
  ctx.memory.note(uid, { registrationGone: true });
  return "removed";
}

async function findRunnerId(
  ctx: Context,
  { service }: ScopedService,
  runner: EphemeralRunner,
  signal: AbortSignal,
): Promise<number | undefined> {
  const known =
    runner.status?.runnerId || ctx.memory.of(runner.metadata.uid ?? "").registration?.runnerId;
  if (known) return known;
  const secret = await findJitSecret(ctx, runner);
  const carried = secret && runnerIdOf(secret);
  if (carried !== undefined) return carried;
  const found = await service.findRunnerByName(runner.metadata.name, { signal });
  if (!found.ok)
    throw new ServiceFailed(`looking for runner ${runner.metadata.name}`, found.failure);
  const ours = found.value?.scaleSetId === runner.spec.runnerScaleSetId;
  return ours ? found.value?.id : undefined;
}

/** The runner's own Secret, read live; undefined also when Secrets may not be read (any more). */
export async function findJitSecret(
  ctx: Context,
  runner: EphemeralRunner,
): Promise<Secret | undefined> {
  try {
    const secret = await ctx.client.find<Secret>(secrets, keyOf(runner));
    const owner = secret?.metadata.ownerReferences?.some((one) => one.uid === runner.metadata.uid);
    return owner ? secret : undefined;
  } catch (error) {
    if (error instanceof KubernetesError && error.status === 403) return undefined;
    throw error;
  }
}
