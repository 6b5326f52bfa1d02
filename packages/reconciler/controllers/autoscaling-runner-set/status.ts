// Why: users look at the AutoscalingRunnerSet. Its status follows the runner set's, at most once a second.
import { isDeepStrictEqual } from "node:util";
import {
  autoscalingRunnerSets,
  type AutoscalingRunnerSet,
  type EphemeralRunnerSet,
} from "@runlet/kubernetes/resources";
import type { Context } from "../../context.ts";
import { keyOf } from "../../object-key.ts";

export type Status = NonNullable<AutoscalingRunnerSet["status"]>;

/** What was written last, by uid of the set, and what the cluster made of it. */
export type StatusWrites = Map<string, { atMs: number; wanted: Status; kept: Status | undefined }>;

export function planCounts(runnerSet: EphemeralRunnerSet | undefined): Status {
  const from = runnerSet?.status;
  return {
    phase: runnerSet === undefined ? "Pending" : (from?.phase ?? "Running"),
    currentRunners: from?.currentReplicas ?? 0,
    pendingEphemeralRunners: from?.pendingEphemeralRunners ?? 0,
    runningEphemeralRunners: from?.runningEphemeralRunners ?? 0,
    failedEphemeralRunners: from?.failedEphemeralRunners ?? 0,
  };
}

/** Ms until the status may be written; 0 when it is right. Only what `status` holds is written. */
export async function writeStatus(
  ctx: Context,
  set: AutoscalingRunnerSet,
  status: Status,
  lastWrites: StatusWrites,
): Promise<number> {
  const uid = set.metadata.uid ?? "";
  const last = lastWrites.get(uid);
  if (isShown(set.status, status)) return 0;
  // An older CRD drops what it does not know: to write it again would change nothing.
  const isDropped = last && isDeepStrictEqual(last.wanted, status);
  if (isDropped && isDeepStrictEqual(last.kept, set.status)) return 0;
  const now = ctx.clock.nowMs();
  const rest = last === undefined ? 0 : last.atMs + ctx.settings.statusEveryMs - now;
  if (rest > 0) return rest;
  const patched = await ctx.client.patch<AutoscalingRunnerSet>(
    autoscalingRunnerSets,
    keyOf(set),
    { type: "merge", body: { status } },
    { subresource: "status" },
  );
  lastWrites.set(uid, { atMs: now, wanted: status, kept: patched.status });
  ctx.kinds.autoscaling.note(patched);
  return 0;
}

/** The API server leaves zeros out or keeps them; both say the same. */
function isShown(there: Status | undefined, wanted: Status): boolean {
  const shown: Record<string, unknown> = { ...there };
  return Object.entries(wanted).every(([field, value]) =>
    isDeepStrictEqual(shown[field] ?? (typeof value === "number" ? 0 : undefined), value),
  );
}
