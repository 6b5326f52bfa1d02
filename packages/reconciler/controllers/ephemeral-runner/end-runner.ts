// Why: whoever finds that a runner is over deletes the object; its finalizers do the rest, in their order.
import { ephemeralRunners, type EphemeralRunner } from "@runlet/kubernetes/resources";
import type { Context } from "../../context.ts";
import { removeObject } from "../../remove-object.ts";

export async function endRunner(ctx: Context, runner: EphemeralRunner): Promise<void> {
  await removeObject(ctx, ephemeralRunners, ctx.kinds.runners, runner);
}
