// Why: one pass for one AutoscalingRunnerSet: may we serve it, does its scale set exist at the service, does its
// runner set say what it should, is its status right.
import { InvalidConfigUrl, parseConfigUrl } from "@runlet/actions-service/config-url";
import { KubernetesError } from "@runlet/kubernetes/client";
import {
  autoscalingRunnerSets,
  finalizers,
  type AutoscalingRunnerSet,
} from "@runlet/kubernetes/resources";
import type { Context } from "../../context.ts";
import { CredentialUnusable } from "../../credential.ts";
import { keyOf, objectKey, parseKey } from "../../object-key.ts";
import { ServiceFailed } from "../../services.ts";
import type { PassResult } from "../../work-queue.ts";
import { judgeClaim } from "./claim.ts";
import { finalizeAutoscaling } from "./finalize.ts";
import { keepRunnerSet } from "./runner-set.ts";
import { keepScaleSet, NotServable } from "./scale-set.ts";
import { planStatus, writeStatus } from "./status.ts";

/** What this controller keeps between passes, by uid. All of it may be lost. */
export interface AutoscalingMemory {
  verifiedAtMs: Map<string, number>;
  statusWrites: Map<string, number>;
}

export async function reconcileAutoscaling(
  ctx: Context,
  memory: AutoscalingMemory,
  key: string,
  signal: AbortSignal,
): Promise<PassResult> {
  const set = ctx.kinds.autoscaling.find(parseKey(key));
  if (!set || !ctx.scope.manages(set.metadata.namespace ?? "")) return {};
  if (set.metadata.deletionTimestamp) return finalizeAutoscaling(ctx, set, signal);
  const refusal = judgeClaim(ctx, set);
  if (refusal) {
    // The other set or the listener going away is a change that leads back here.
    await ctx.events.warn(set, "AutoscalingRunnerSet", refusal.reason, refusal.message);
    return {};
  }
  try {
    return await serve(ctx, memory, set, signal);
  } catch (error) {
    await explain(ctx, set, error);
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
  const guarded = await protect(ctx, set);
  const { verify, dueMs } = planVerify(ctx, memory, uid);
  const hasMoved = isElsewhere(ctx, set);
  const kept = await keepScaleSet(ctx, guarded, { verify, hasMoved }, signal);
  if (verify) {
    memory.verifiedAtMs.set(uid, ctx.clock.nowMs());
    ctx.doubted.delete(uid);
  }
  const runnerSet = await keepRunnerSet(ctx, kept);
  const latest = ctx.kinds.autoscaling.find(keyOf(kept)) ?? kept;
  const statusMs = await writeStatus(ctx, latest, planStatus(runnerSet), memory.statusWrites);
  if (runnerSet?.status?.phase === "Outdated") {
    const message = "GitHub does not take this runner version any more: change spec.template";
    await ctx.events.warn(set, "AutoscalingRunnerSet", "RunnerVersionOutdated", message);
  }
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
    return made !== undefined && parseConfigUrl(made).scopeKey !== scope;
  });
}

/** Before anything exists at the service: without the finalizer a quick delete would leave it there. */
async function protect(ctx: Context, set: AutoscalingRunnerSet): Promise<AutoscalingRunnerSet> {
  const held = set.metadata.finalizers ?? [];
  if (held.includes(finalizers.autoscalingRunnerSet)) return set;
  const patched = await ctx.client.patch<AutoscalingRunnerSet>(autoscalingRunnerSets, keyOf(set), {
    type: "json",
    operations: [
      { op: "test", path: "/metadata/uid", value: set.metadata.uid },
      {
        op: "add",
        path: "/metadata/finalizers",
        value: [...held, finalizers.autoscalingRunnerSet],
      },
    ],
  });
  ctx.kinds.autoscaling.note(patched);
  return patched;
}

/** What the user can mend is said on the object; the rest is in the log. */
async function explain(ctx: Context, set: AutoscalingRunnerSet, error: unknown): Promise<void> {
  const warn = (reason: string, message: string) =>
    ctx.events.warn(set, "AutoscalingRunnerSet", reason, message);
  if (error instanceof NotServable) return warn(error.reason, error.message);
  if (error instanceof InvalidConfigUrl) return warn("InvalidConfigUrl", error.message);
  if (error instanceof CredentialUnusable) return warn("CredentialUnusable", error.message);
  if (error instanceof ServiceFailed && error.failure.reason === "unauthorized") {
    return warn("Unauthorized", error.message);
  }
  if (error instanceof KubernetesError && error.status === 404) {
    ctx.log.debug("set_gone_meanwhile", { set: objectKey(set) });
  }
}
