// Why: a set leaves when its runners have left, and a busy runner leaves when its job is done.
import { KubernetesError } from "@runlet/kubernetes/client";
import { ephemeralRunnerSets, finalizers } from "@runlet/kubernetes/resources";
import type { Context } from "../../context.ts";
import { eachLimited } from "../../each-limited.ts";
import { keyOf } from "../../object-key.ts";
import type { PassResult } from "../../work-queue.ts";
import { endRunner } from "../ephemeral-runner/end-runner.ts";
import type { SetObservation } from "./observe.ts";

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

/**
 * A runner that is deleted asks the service itself and runs on while it is busy; one that is known to have a job
 * ends by itself.
 */
async function drain(ctx: Context, seen: SetObservation, signal: AbortSignal): Promise<PassResult> {
  const leaving = seen.views.filter((view) => view.state !== "deleting" && !view.hasJob);
  const atOnce = ctx.settings.writesAtOnce;
  await eachLimited(leaving, { atOnce, signal }, async ({ key }) => {
    const runner = seen.byKey.get(key);
    if (runner) await endRunner(ctx, runner);
  });
  return {};
}
