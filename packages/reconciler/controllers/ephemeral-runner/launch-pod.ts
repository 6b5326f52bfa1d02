// Why: the pod is made before the status says so: whoever looks between the two finds the Secret and the pod by the
// runner's name (ARC does it in this order since 0.15, #4681).
import { KubernetesError } from "@runlet/kubernetes/client";
import { pods, type EphemeralRunner } from "@runlet/kubernetes/resources";
import type { Context } from "../../context.ts";
import { controllerOf, keyOf } from "../../object-key.ts";
import type { Pod } from "../../pod.ts";
import { runnerPod } from "../../runner-pod.ts";
import type { PassResult } from "../../work-queue.ts";
import { afterRefusal, refusalOf, type Refusal } from "./refusal.ts";
import { patchStatus } from "./status.ts";

/** The pod of a runner that this process has registered, then the status that says so. */
export async function launchPod(
  ctx: Context,
  runner: EphemeralRunner,
  signal: AbortSignal,
): Promise<PassResult> {
  const refusal = await createPod(ctx, runner);
  if (refusal) return afterRefusal(ctx, runner, refusal, signal);
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

/** Undefined: the pod is there, and ours. Throws what may pass. */
async function createPod(ctx: Context, runner: EphemeralRunner): Promise<Refusal | undefined> {
  try {
    ctx.kinds.pods.note(await ctx.client.create<Pod>(pods, runnerPod(runner, ctx.version)));
    return undefined;
  } catch (error) {
    if (error instanceof KubernetesError && error.reason === "AlreadyExists")
      return takePod(ctx, runner, error);
    return refusalOf(error, "InvalidPod");
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
