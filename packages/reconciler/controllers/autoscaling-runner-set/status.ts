// Why: users look at the AutoscalingRunnerSet. Its status follows the runner set's, at most once a second.
import {
  autoscalingRunnerSets,
  type AutoscalingRunnerSet,
  type EphemeralRunnerSet,
} from "@runlet/kubernetes/resources";
import type { Context } from "../../context.ts";
import { keyOf } from "../../object-key.ts";

type Status = NonNullable<AutoscalingRunnerSet["status"]>;

export function planStatus(runnerSet: EphemeralRunnerSet | undefined): Status {
  const from = runnerSet?.status;
  return {
    phase: runnerSet === undefined ? "Pending" : (from?.phase ?? "Running"),
    currentRunners: from?.currentReplicas ?? 0,
    pendingEphemeralRunners: from?.pendingEphemeralRunners ?? 0,
    runningEphemeralRunners: from?.runningEphemeralRunners ?? 0,
    failedEphemeralRunners: from?.failedEphemeralRunners ?? 0,
  };
}

/** Ms until the status may be written; 0 when it is right. */
export async function writeStatus(
  ctx: Context,
  set: AutoscalingRunnerSet,
  status: Status,
  lastWrites: Map<string, number>,
): Promise<number> {
  const fields = Object.entries(status);
  const there: Record<string, unknown> = { ...set.status };
  // The API server leaves zeros out or keeps them; both say the same.
  if (fields.every(([field, value]) => (there[field] ?? 0) === value)) return 0;
  const uid = set.metadata.uid ?? "";
  const now = ctx.clock.nowMs();
  const last = lastWrites.get(uid);
  const rest = last === undefined ? 0 : last + ctx.settings.statusEveryMs - now;
  if (rest > 0) return rest;
  lastWrites.set(uid, now);
  const patched = await ctx.client.patch<AutoscalingRunnerSet>(
    autoscalingRunnerSets,
    keyOf(set),
    { type: "merge", body: { status } },
    { subresource: "status" },
  );
  ctx.kinds.autoscaling.note(patched);
  return 0;
}
