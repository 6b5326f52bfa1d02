// Why: what the user can mend is said where the user looks: as a condition and an Event on the set, with the field and
// the remedy, once. What only time can mend stands in the log.
import { InvalidConfigUrl } from "@runlet/actions-service/config-url";
import { KubernetesError } from "@runlet/kubernetes/client";
import {
  annotations,
  type AutoscalingRunnerSet,
  type EphemeralRunnerSet,
} from "@runlet/kubernetes/resources";
import { redactText } from "@runlet/runtime/log";
import type { Context } from "../../context.ts";
import { CredentialUnusable } from "../../credential.ts";
import { keyOf, objectKey } from "../../object-key.ts";
import { ServiceFailed } from "../../services.ts";
import type { PassResult } from "../../work-queue.ts";
import { findStartTrouble } from "../ephemeral-runner-set/plan-status.ts";
import { parseRefused } from "../ephemeral-runner-set/write-back.ts";
import { findSpecProblems } from "./find-spec-problems.ts";
import {
  healthVerdict,
  planConditions,
  refusedVerdict,
  registeredVerdict,
  type Verdict,
} from "./plan-conditions.ts";
import { isDraining } from "./runner-set.ts";
import { NotServable } from "./scale-set.ts";
import { planCounts, writeStatus, type Status, type StatusWrites } from "./status.ts";
import { scaleSetIdOf } from "./wanted.ts";

interface Memory {
  statusWrites: StatusWrites;
  /** Labels that the scale set at GitHub lacks, by uid of the set. */
  missingLabels: Map<string, string[]>;
}
interface Reason {
  reason: string;
  message: string;
}

/** The set is not served, for a reason that a change of an object will end. */
export async function refuse(
  ctx: Context,
  memory: Memory,
  set: AutoscalingRunnerSet,
  why: Reason,
): Promise<PassResult> {
  await ctx.events.warn(set, "AutoscalingRunnerSet", why.reason, why.message);
  // What ARC serves is not even written to.
  if (why.reason === "ServedByARC") return {};
  const statusMs = await show(ctx, memory, set, {}, [refusedVerdict(why)]);
  return statusMs > 0 ? { againMs: statusMs } : {};
}

/** The pass failed. Throws nothing of its own: the pass's error is what counts. */
export async function explain(
  ctx: Context,
  memory: Memory,
  set: AutoscalingRunnerSet,
  error: unknown,
): Promise<void> {
  if (error instanceof KubernetesError && error.status === 404) {
    ctx.log.debug("set_gone_meanwhile", { set: objectKey(set) });
    return;
  }
  const mendable = (await credentialReason(ctx, set, error)) ?? mendableReason(set, error);
  if (mendable)
    await ctx.events.warn(set, "AutoscalingRunnerSet", mendable.reason, mendable.message);
  const latest = ctx.kinds.autoscaling.find(keyOf(set)) ?? set;
  const why = mendable ?? passingReason(latest, error);
  if (!why) return;
  try {
    await show(ctx, memory, latest, {}, [refusedVerdict(why)]);
  } catch (failure) {
    ctx.log.debug("condition_not_written", { set: objectKey(set), error: failure });
  }
}

/** Ms until the status may be written; 0 when it is right. */
export async function showRegistered(
  ctx: Context,
  memory: Memory,
  set: AutoscalingRunnerSet,
  runnerSet: EphemeralRunnerSet | undefined,
): Promise<number> {
  const uid = runnerSet?.metadata.uid ?? "";
  const [problem] = findSpecProblems(set);
  const health = healthVerdict({
    runnerSet,
    refusedCount: parseRefused(runnerSet?.metadata.annotations?.[annotations.refused])?.count ?? 0,
    startTrouble: ctx.kinds.runners.ownedBy(uid).map(findStartTrouble).find(Boolean),
    isDraining: runnerSet !== undefined && isDraining(runnerSet),
    isStuck: ctx.idleWatches.get(uid)?.stuck !== undefined,
    missingLabels: missingLabelsOf(memory, set),
    problem,
  });
  const before = set.status?.conditions?.find(({ type }) => type === health.type);
  const isNews = health.status === "False" && before?.reason !== health.reason;
  const registered = registeredVerdict(runnerSet?.metadata.annotations?.[annotations.fence]);
  const rest = await show(ctx, memory, set, planCounts(runnerSet), [registered, health]);
  if (isNews && rest === 0) {
    await ctx.events.warn(set, "AutoscalingRunnerSet", health.reason, health.message);
  }
  return rest;
}

/** Those that the manifest still names. */
function missingLabelsOf({ missingLabels }: Memory, { metadata, spec }: AutoscalingRunnerSet) {
  const known = missingLabels.get(metadata.uid ?? "") ?? [];
  return known.filter((label) => spec.runnerScaleSetLabels?.includes(label));
}

function show(
  ctx: Context,
  { statusWrites }: Memory,
  set: AutoscalingRunnerSet,
  counts: Status,
  verdicts: readonly Verdict[],
): Promise<number> {
  const now = new Date(ctx.clock.wallMs()).toISOString().replace(/\.\d+Z$/, "Z");
  // An older CRD drops conditions; what was written last is as good.
  const last = statusWrites.get(set.metadata.uid ?? "")?.wanted;
  const there = set.status?.conditions ?? last?.conditions ?? [];
  const conditions = planConditions(set, there, verdicts, now);
  return writeStatus(ctx, set, { ...counts, conditions }, statusWrites);
}

/** Behind "unauthorized" may stand a Secret that is not there or holds nothing of use. */
async function credentialReason(
  ctx: Context,
  set: AutoscalingRunnerSet,
  error: unknown,
): Promise<Reason | undefined> {
  if (!(error instanceof ServiceFailed) || error.failure.reason !== "unauthorized")
    return undefined;
  const message = await ctx.services.credentialProblem(set.metadata.namespace ?? "", set.spec);
  return message === undefined ? undefined : { reason: "CredentialUnusable", message };
}

function mendableReason(set: AutoscalingRunnerSet, error: unknown): Reason | undefined {
  const words = redactText(error instanceof Error ? error.message : String(error));
  const say = (reason: string) => ({ reason, message: words });
  if (error instanceof NotServable) return say(error.reason);
  if (error instanceof InvalidConfigUrl) return say("InvalidConfigUrl");
  if (error instanceof CredentialUnusable) return say("CredentialUnusable");
  if (error instanceof ServiceFailed && error.failure.reason === "unauthorized") {
    const which = `Secret ${set.spec.githubConfigSecret} (githubConfigSecret)`;
    const { status } = error.failure;
    const refusal = `GitHub refuses these credentials${status === undefined ? "" : ` (${status})`}`;
    return { reason: "Unauthorized", message: `${which}: ${refusal}; renew them. ${words}` };
  }
  // The cluster does not take what we make of the manifest.
  if (error instanceof KubernetesError && error.status === 422) return say("RefusedByCluster");
  return undefined;
}

/** Told only as long as the set was never served: one that was goes on meanwhile. */
function passingReason(set: AutoscalingRunnerSet, error: unknown): Reason | undefined {
  if (scaleSetIdOf(set) !== undefined || !(error instanceof ServiceFailed)) return undefined;
  const message = `GitHub's Actions Service does not do what is asked (${error.failure.reason}); it is tried again`;
  return { reason: "ServiceFailed", message };
}
