// Why: exit code 0 does not say that a job ran: run.sh makes it of most ways in which the listener fails (actions/runner,
// src/Misc/layoutroot/run-helper.sh.template). Were each of them a success, a set whose runners end at once would
// register hundreds a minute, and look healthy.
import type { EphemeralRunner } from "@runlet/kubernetes/resources";
import type { Context } from "../../context.ts";
import { controllerOf, objectKey } from "../../object-key.ts";
import { runnerContainer, type Pod } from "../../pod.ts";
import { noteFailure } from "./fail.ts";

/**
 * Tells the set's breaker what the end of a runner means. GitHub drops the registration of an ephemeral runner with its
 * job, so one that nobody named a job for is looked up: is it still registered, it took none.
 */
export async function judgeExit(
  ctx: Context,
  runner: EphemeralRunner,
  pod: Pod | undefined,
  signal: AbortSignal,
): Promise<void> {
  const registered = await isRegistered(ctx, runner, signal);
  const set = controllerOf(runner);
  if (!set || registered === undefined) return;
  if (!registered) return ctx.breakers.succeeded(set.uid);
  // One that ran for a while shows that the template works, and one that was told to end obeys.
  if (pod?.metadata.deletionTimestamp || !(ranMs(pod) < ctx.settings.provenAfterMs)) return;
  ctx.log.warn("runner_ended_without_job", { runner: objectKey(runner) });
  noteFailure(ctx, runner);
  const namespace = runner.metadata.namespace ?? "";
  const owner = ctx.kinds.runnerSets.find({ namespace, name: set.name });
  const message =
    "runners end with exit code 0 seconds after their start, without a job: see the log of their pods";
  if (owner) await ctx.events.warn(owner, "EphemeralRunnerSet", "EndedWithoutJob", message);
}

/** Undefined: nobody knows. The runner ends all the same; one that is gone needs no removal. */
async function isRegistered(
  ctx: Context,
  runner: EphemeralRunner,
  signal: AbortSignal,
): Promise<boolean | undefined> {
  const uid = runner.metadata.uid ?? "";
  const id = runner.status?.runnerId || ctx.memory.of(uid).registration?.runnerId;
  if (id === undefined) return undefined;
  const { service } = await ctx.services.find(runner.metadata.namespace ?? "", runner.spec);
  const found = await service.findRunner(id, { signal });
  if (!found.ok) return undefined;
  if (!found.value) ctx.memory.note(uid, { registrationGone: true });
  return found.value !== undefined;
}

function ranMs(pod: Pod | undefined): number {
  const container = pod?.status?.containerStatuses?.find(({ name }) => name === runnerContainer);
  const { startedAt = "", finishedAt = "" } = container?.state?.terminated ?? {};
  return Date.parse(finishedAt) - Date.parse(startedAt);
}
