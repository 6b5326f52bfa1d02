// Why: one pass for one AutoscalingRunnerSet: may we serve it, does its scale set exist at the service, does its
// runner set say what it should, is its status right.
import { parseConfigUrl } from "@runlet/actions-service/config-url";
import {
  autoscalingRunnerSets,
  finalizers,
  type AutoscalingRunnerSet,
} from "@runlet/kubernetes/resources";
import { hasListener } from "../../arc.ts";
import type { Context } from "../../context.ts";
import { keyOf, parseKey } from "../../object-key.ts";
import { protectObject } from "../../protect-object.ts";
import type { PassResult } from "../../work-queue.ts";
import { judgeClaim } from "./claim.ts";
import { explain, refuse, showRegistered } from "./explain.ts";
import { finalizeAutoscaling } from "./finalize.ts";
import { findSpecProblems } from "./find-spec-problems.ts";
import { keepRunnerSet } from "./runner-set.ts";
import { keepScaleSet } from "./scale-set.ts";
import type { StatusWrites } from "./status.ts";

/** What this controller keeps between passes, by uid. All of it may be lost. */
export interface AutoscalingMemory {
  verifiedAtMs: Map<string, number>;
  statusWrites: StatusWrites;
  missingLabels: Map<string, string[]>;
}

export function createAutoscalingMemory(): AutoscalingMemory {
  return {
    verifiedAtMs: new Map(),
    statusWrites: new Map(),
    missingLabels: new Map(),
  };
}

export function forgetAutoscaling(memory: AutoscalingMemory, uid: string): void {
  for (const map of Object.values(memory)) map.delete(uid);
}

export async function reconcileAutoscaling(
  ctx: Context,
  memory: AutoscalingMemory,
  key: string,
  signal: AbortSignal,
): Promise<PassResult> {
  const set = ctx.kinds.autoscaling.find(parseKey(key));
  if (!set || !ctx.scope.manages(set.metadata.namespace ?? "")) return {};
  const isLeaving = set.metadata.deletionTimestamp !== undefined;
  // What ARC serves ARC takes down, its listener first: that is a change that leads back here.
  if (isLeaving && hasListener(ctx, set.metadata.namespace ?? "", set.metadata.name)) return {};
  const claim = isLeaving ? undefined : judgeClaim(ctx, set);
  // The other set or the listener going away is a change that leads back here, and so is an edit.
  if (claim) return refuse(ctx, memory, set, claim);
  const [problem] = isLeaving ? [] : findSpecProblems(set);
  if (problem?.blocks) return refuse(ctx, memory, set, problem);
  try {
    if (isLeaving) return await finalizeAutoscaling(ctx, set, signal);
    return await serve(ctx, memory, set, signal);
  } catch (error) {
    await explain(ctx, memory, set, error);
    throw error;
  }
}

async function serve(
  ctx: Context,
  memory: AutoscalingMemory,
  set: AutoscalingRunnerSet,
  signal: AbortSignal,
): Promise<PassResult> {
  const uid = set.metadata.uid ?? "";
  // Before anything exists at the service: without the finalizer a quick delete would leave it there.
  const own = [finalizers.autoscalingRunnerSet];
  const guarded = await protectObject(ctx, autoscalingRunnerSets, ctx.kinds.autoscaling, set, own);
  if (!guarded) return {};
  const { verify, dueMs } = planVerify(ctx, memory, uid);
  const hasMoved = isElsewhere(ctx, set);
  const noteMissingLabels = (labels: string[]) => void memory.missingLabels.set(uid, labels);
  const keeping = { verify, hasMoved, noteMissingLabels };
  const kept = await keepScaleSet(ctx, guarded, keeping, signal);
  if (verify) {
    memory.verifiedAtMs.set(uid, ctx.clock.nowMs());
    ctx.doubted.delete(uid);
  }
  const runnerSet = await keepRunnerSet(ctx, kept);
  const latest = ctx.kinds.autoscaling.find(keyOf(kept)) ?? kept;
  const statusMs = await showRegistered(ctx, memory, latest, runnerSet);
  return { againMs: statusMs > 0 ? Math.min(statusMs, dueMs) : dueMs };
}

/** A scale set that was never confirmed by this process, or long ago, or that a runner could not find. */
function planVerify(ctx: Context, memory: AutoscalingMemory, uid: string) {
  const everyMs = ctx.settings.verifyEveryMs;
  const last = memory.verifiedAtMs.get(uid);
  const rest = last === undefined ? 0 : last + everyMs - ctx.clock.nowMs();
  const verify = rest <= 0 || ctx.doubted.has(uid);
  // Spread, so that a hundred sets are not asked about in one second for ever.
  const jitter = Math.round((everyMs / 10) * ctx.random.next());
  return { verify, dueMs: (verify ? everyMs : rest) + jitter };
}

/** The manifest names another enterprise, organization or repository than its runner set was made for. */
function isElsewhere(ctx: Context, set: AutoscalingRunnerSet): boolean {
  const scope = parseConfigUrl(set.spec.githubConfigUrl ?? "").scopeKey;
  return ctx.kinds.runnerSets.ownedBy(set.metadata.uid ?? "").some((runnerSet) => {
    if (ctx.kinds.runnerSets.isGoing(runnerSet)) return false;
    const made = runnerSet.spec.ephemeralRunnerSpec?.githubConfigUrl;
    return made !== undefined && scopeOf(made) !== scope;
  });
}

/** Undefined for what somebody wrote into a runner set: it is written anew. */
function scopeOf(url: string): string | undefined {
  try {
    return parseConfigUrl(url).scopeKey;
  } catch {
    return undefined;
  }
}
