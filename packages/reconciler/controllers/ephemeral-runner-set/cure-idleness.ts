// Why: jobs that wait beside idle runners (idleness.ts) are cured in small steps: the service is asked to let the
// runner go that has been idle longest, and another one is made in its place.
import { annotations } from "@runlet/kubernetes/resources";
import type { Context } from "../../context.ts";
import { afterStep, watchIdleness, type IdleWatch } from "../../idleness.ts";
import { controllerOf } from "../../object-key.ts";
import { parseStatistics } from "../../parse-statistics.ts";
import type { SetObservation } from "./observe.ts";
import { idleOrder, type RunnerView } from "./plan-scale.ts";
import { removeIdle } from "./remove-idle.ts";

export interface Cure {
  /** Runners that made way for another. */
  replaced: number;
  /** Ms until it must be looked at again. */
  againMs: number | undefined;
}

export async function cureIdleness(
  ctx: Context,
  seen: SetObservation,
  signal: AbortSignal,
): Promise<Cure> {
  const rules = ctx.settings.idleness;
  const nowMs = ctx.clock.nowMs();
  const tally = parseStatistics(seen.set.metadata.annotations?.[annotations.statistics]);
  const waitingJobs = tally ? tally.totalAssignedJobs - tally.totalRunningJobs : 0;
  const idle = idleOrder(seen.views).filter(({ state }) => state === "running");
  const observed = { waitingJobs, idleRunners: idle.length, nowMs };
  const watch = watchIdleness({ ...observed, before: ctx.idleWatches.get(seen.uid) }, rules);
  remember(ctx, seen, watch);
  // The oldest; one that was made since then may yet take a job.
  const first = idle.find((one) => ageMs(ctx, one) >= rules.afterMs);
  if (!watch?.stuck || !first || nowMs < watch.stuck.nextStepMs) {
    return { replaced: 0, againMs: waitingJobs > 0 ? nextLook(ctx, watch, idle) : undefined };
  }
  remember(ctx, seen, afterStep(watch, nowMs, rules));
  ctx.log.warn("idle_runner_replaced", { runner: first.key, waitingJobs, idle: idle.length });
  return { replaced: await removeIdle(ctx, seen, [first], 1, signal), againMs: rules.step.baseMs };
}

/** The user's set shows it. */
function remember(ctx: Context, seen: SetObservation, watch: IdleWatch | undefined) {
  const was = ctx.idleWatches.get(seen.uid)?.stuck !== undefined;
  if (watch) ctx.idleWatches.set(seen.uid, watch);
  else ctx.idleWatches.delete(seen.uid);
  const owner = controllerOf(seen.set);
  if (owner && was !== (watch?.stuck !== undefined)) {
    ctx.wake.autoscaling(`${seen.set.metadata.namespace ?? ""}/${owner.name}`);
  }
}

function nextLook(ctx: Context, watch: IdleWatch | undefined, idle: RunnerView[]) {
  const { afterMs } = ctx.settings.idleness;
  const nowMs = ctx.clock.nowMs();
  const due = watch?.stuck
    ? watch.stuck.nextStepMs - nowMs
    : (watch?.sinceMs ?? nowMs) + afterMs - nowMs;
  const ripe = idle.map((one) => afterMs - ageMs(ctx, one)).filter((ms) => ms > 0);
  const waits = watch ? [due, ...ripe] : ripe;
  return waits.length > 0 ? Math.max(1_000, Math.min(...waits)) : undefined;
}

function ageMs(ctx: Context, { createdAtMs }: RunnerView): number {
  return ctx.clock.wallMs() - createdAtMs;
}
