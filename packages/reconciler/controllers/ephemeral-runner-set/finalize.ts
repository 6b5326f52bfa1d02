// Why: a set leaves when its runners have left, and a busy runner leaves when its job is done.
import { KubernetesError } from "@runlet/kubernetes/client";
import { ephemeralRunnerSets, finalizers } from "@runlet/kubernetes/resources";
import type { Context } from "../../context.ts";
import { keyOf } from "../../object-key.ts";
import type { PassResult } from "../../work-queue.ts";
import { endRunner } from "../ephemeral-runner/register.ts";
import type { SetObservation } from "./observe.ts";
import { idleOrder } from "./plan-scale.ts";
import { removeIdle } from "./remove-idle.ts";

/** ARC 0.14 used the runner's finalizer on sets, too; both are ours to remove. */
const ours: readonly string[] = [finalizers.ephemeralRunnerSet, finalizers.ephemeralRunner];

export async function finalizeSet(
  ctx: Context,
  seen: SetObservation,
  signal: AbortSignal,
): Promise<PassResult> {
  if (seen.runners.length > 0) return drain(ctx, seen, signal);
  const held = seen.set.metadata.finalizers ?? [];
  const value = held.filter((one) => !ours.includes(one));
  if (value.length === held.length) return {};
  try {
    await ctx.client.patch(ephemeralRunnerSets, keyOf(seen.set), {
      type: "json",
      operations: [
        { op: "test", path: "/metadata/uid", value: seen.set.metadata.uid },
        { op: "test", path: "/metadata/finalizers", value: held },
        { op: "replace", path: "/metadata/finalizers", value },
      ],
    });
  } catch (error) {
    if (!(error instanceof KubernetesError) || error.status !== 404) throw error;
  }
  return {};
}

/** Registered idle runners are asked for; those without a registration and those that are done just go. */
async function drain(ctx: Context, seen: SetObservation, signal: AbortSignal): Promise<PassResult> {
  for (const view of seen.views) {
    const runner = seen.byKey.get(view.key);
    if (!runner || view.state === "deleting" || view.hasJob) continue;
    const living = view.state === "pending" || view.state === "running";
    if (!living || !view.registered) await endRunner(ctx, runner);
  }
  const living = seen.views.filter(({ state }) => state === "pending" || state === "running");
  const idle = idleOrder(living);
  await removeIdle(ctx, seen, idle, idle.length, signal);
  return { againMs: ctx.settings.busyRetryMs };
}
