// Why: what one pass for a runner set knows, read once from the caches.
import {
  annotations,
  type EphemeralRunner,
  type EphemeralRunnerSet,
} from "@runlet/kubernetes/resources";
import type { Context } from "../../context.ts";
import { contentHash } from "../../hash.ts";
import { objectKey } from "../../object-key.ts";
import { hasJob } from "../ephemeral-runner/plan-runner.ts";
import type { RunnerView } from "./plan-scale.ts";

export interface SetObservation {
  set: EphemeralRunnerSet;
  uid: string;
  specHash: string;
  runners: EphemeralRunner[];
  views: RunnerView[];
  byKey: Map<string, EphemeralRunner>;
}

export function observeSet(ctx: Context, set: EphemeralRunnerSet): SetObservation {
  const uid = set.metadata.uid ?? "";
  const specHash = specHashOf(set);
  const runners = ctx.kinds.runners.ownedBy(uid);
  const views = runners.map((runner) => viewOf(ctx, runner, specHash));
  const byKey = new Map(runners.map((runner) => [objectKey(runner), runner]));
  return { set, uid, specHash, runners, views, byKey };
}

/** Of what new runners are made from. */
function specHashOf(set: EphemeralRunnerSet): string {
  return contentHash([set.spec.ephemeralRunnerSpec, set.spec.ephemeralRunnerMetadata]);
}

function viewOf(ctx: Context, runner: EphemeralRunner, specHash: string): RunnerView {
  const facts = ctx.memory.of(runner.metadata.uid ?? "");
  return {
    key: objectKey(runner),
    state: stateOf(ctx, runner),
    hasJob: hasJob(runner),
    registered: (runner.status?.runnerId || facts.registration?.runnerId) !== undefined,
    askedInVain: (facts.busyUntilMs ?? 0) > ctx.clock.nowMs(),
    createdAtMs: Date.parse(runner.metadata.creationTimestamp ?? "") || 0,
    stale: runner.metadata.annotations?.[annotations.integrityHash] !== specHash,
  };
}

function stateOf(ctx: Context, runner: EphemeralRunner): RunnerView["state"] {
  if (ctx.kinds.runners.isGoing(runner)) return "deleting";
  switch (runner.status?.phase) {
    case "Running":
      return "running";
    case "Succeeded":
      return "finished";
    case "Failed":
      return "failed";
    case "Outdated":
      return "outdated";
    default:
      return "pending";
  }
}
