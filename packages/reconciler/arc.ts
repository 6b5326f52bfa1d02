// Why: while ARC's listener serves a set, ARC's controllers own its children. Two controllers that both make runners
// for one set would make them twice, so everything below such a set is left alone.
import type { EphemeralRunner, EphemeralRunnerSet } from "@runlet/kubernetes/resources";
import type { Context } from "./context.ts";
import { controllerOf } from "./object-key.ts";

/** Whether a live AutoscalingListener serves the AutoscalingRunnerSet of that name. */
export function hasListener(ctx: Context, namespace: string, name: string): boolean {
  return ctx.kinds.listeners
    .all()
    .some(
      ({ metadata, spec }) =>
        metadata.deletionTimestamp === undefined &&
        spec.autoscalingRunnerSetNamespace === namespace &&
        spec.autoscalingRunnerSetName === name,
    );
}

export function isRunnerSetOfArc(ctx: Context, set: EphemeralRunnerSet): boolean {
  const owner = controllerOf(set);
  return owner !== undefined && hasListener(ctx, set.metadata.namespace ?? "", owner.name);
}

export function isRunnerOfArc(ctx: Context, runner: EphemeralRunner): boolean {
  const namespace = runner.metadata.namespace ?? "";
  const set = ctx.kinds.runnerSets.find({ namespace, name: controllerOf(runner)?.name ?? "" });
  return set !== undefined && isRunnerSetOfArc(ctx, set);
}
