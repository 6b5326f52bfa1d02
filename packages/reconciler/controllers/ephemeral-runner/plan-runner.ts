// Why: one runner is one registration, one pod, one job. What is to be done next follows from the runner,
// its pod and the time; nothing here waits or asks. A registration is never used by a second pod: a runner
// whose pod failed before a job is registered anew, one whose pod is simply gone has ended.
import type { EphemeralRunner } from "@runlet/kubernetes/resources";
import { controllerOf } from "../../object-key.ts";
import type { Pod } from "../../pod.ts";
import type { RunnerFacts } from "../../runner-memory.ts";
import { planPod, type PodVerdict } from "./plan-pod.ts";

export type RunnerPlan =
  /** Nothing now; look again after `againMs` or when something changes. */
  | { do: "wait"; againMs?: number }
  /** Done (Failed, Outdated, Succeeded): the pod and the Secret go, the runner stays to be seen. */
  | { do: "tidy" }
  /** No registration yet: JIT config, Secret, Pod. */
  | { do: "register" }
  /** Registered by this process, the pod was refused before. */
  | { do: "launch" }
  /** The pod exists, the status does not know the registration yet (a crash between the two). */
  | { do: "adopt" }
  | { do: "show"; status: Shown }
  /** Running for long without news: does the service still know it? */
  | { do: "check" }
  /** Registered, and the cache has no pod: if it is really gone, the runner has ended. */
  | { do: "confirm-lost" }
  | { do: "end"; why: "finished" | "died-with-job" | "node-lost" | "quota" }
  /** The pod failed before a job: count it, register anew later. */
  | { do: "retry"; podUid: string; reason: string; message: string }
  /** A failed pod that has been counted already. */
  | { do: "drop-pod" }
  | { do: "fail"; reason: string; message: string }
  | { do: "outdate"; message: string };

export interface Shown {
  phase: "Pending" | "Running";
  ready: boolean;
  reason: string;
  message: string;
}

export interface RunnerObservation {
  runner: EphemeralRunner;
  pod: Pod | undefined;
  facts: Readonly<RunnerFacts>;
  /** Monotonic ms, for facts; wall ms, for stamps that others wrote. */
  nowMs: number;
  wallMs: number;
}

export interface RunnerRules {
  podRetriesMs: readonly number[];
  startLimitMs: number;
  quotaGiveUpMs: number;
  /** A pod without a node is normal while a cluster grows; after this it is shown. */
  unschedulableMs: number;
}

/** A deleted pod that is still there so long after its grace sits on a lost node, or is held by somebody. */
export const nodeLostMs = 60_000;

export function planRunner(seen: RunnerObservation, rules: RunnerRules): RunnerPlan {
  const status = seen.runner.status;
  if (isDone(seen.runner)) return { do: "tidy" };
  const rest = (seen.facts.notBeforeMs ?? 0) - seen.nowMs;
  if (rest > 0) return { do: "wait", againMs: rest };
  if (seen.pod) return planWithPod(seen, seen.pod, rules);
  if (status?.runnerId) return { do: "confirm-lost" };
  return planWithoutPod(seen, rules);
}

/** Phases that nothing leads out of. */
export function isDone(runner: EphemeralRunner): boolean {
  const phase = runner.status?.phase;
  return phase === "Succeeded" || phase === "Failed" || phase === "Outdated";
}

/** ARC's rule: a runner has a job when JobStarted named one. */
export function hasJob(runner: EphemeralRunner): boolean {
  return (runner.status?.jobId ?? "") !== "";
}

function planWithoutPod(seen: RunnerObservation, rules: RunnerRules): RunnerPlan {
  // The news of its job came after its pod had failed; or it was made by a registration that is over.
  if (hasJob(seen.runner)) return { do: "end", why: "died-with-job" };
  const failures = Object.values(seen.runner.status?.failures ?? {});
  const { reason = "", message = "" } = seen.runner.status ?? {};
  const wait = rules.podRetriesMs[failures.length];
  if (wait === undefined) {
    const words = `its pod failed ${failures.length} times; the last: ${reason} ${message}`;
    return { do: "fail", reason: "TooManyPodFailures", message: words.trim() };
  }
  const newest = Math.max(0, ...failures.map((at) => Date.parse(at) || 0));
  const rest = newest + wait - seen.wallMs;
  // A clock that jumped back must not stretch the wait beyond the rule.
  if (failures.length > 0 && rest > 0) return { do: "wait", againMs: Math.min(rest, wait) };
  const refusedMs = seen.nowMs - (seen.facts.refusedSinceMs || seen.nowMs);
  if (refusedMs > rules.quotaGiveUpMs) return { do: "end", why: "quota" };
  return { do: seen.facts.registration ? "launch" : "register" };
}

function planWithPod(seen: RunnerObservation, pod: Pod, rules: RunnerRules): RunnerPlan {
  const { runner } = seen;
  if (controllerOf(pod)?.uid !== runner.metadata.uid) {
    const message = "a pod of its name exists and belongs to somebody else";
    return { do: "fail", reason: "InvalidPod", message };
  }
  const deletedAt = pod.metadata.deletionTimestamp;
  if (runner.status?.failures?.[pod.metadata.uid ?? ""] !== undefined)
    return deletedAt ? planDeletedPod(seen, deletedAt) : { do: "drop-pod" };
  const verdict = planPod(pod);
  if (verdict.kind === "succeeded") return { do: "end", why: "finished" };
  if (verdict.kind === "outdated") return { do: "outdate", message: verdict.message };
  if (verdict.kind === "failed") return planFailure(runner, pod, verdict);
  if (deletedAt) return planDeletedPod(seen, deletedAt);
  if (!runner.status?.runnerId) return { do: "adopt" };
  return planLivingPod(seen, pod, verdict, rules);
}

function planLivingPod(
  seen: RunnerObservation,
  pod: Pod,
  verdict: Extract<PodVerdict, { kind: "wait" | "alive" }>,
  rules: RunnerRules,
): RunnerPlan {
  const isRunning = verdict.kind === "alive" && verdict.phase === "Running";
  const ageMs = seen.wallMs - Date.parse(pod.metadata.creationTimestamp ?? "");
  const started = isRunning || seen.runner.status?.phase === "Running";
  if (!started && ageMs > rules.startLimitMs) return planLateStart(pod, rules);
  const { kind: _, ...shown } = verdict;
  if ("reason" in shown && shown.reason === "Unschedulable" && ageMs < rules.unschedulableMs)
    return { do: "wait", againMs: rules.unschedulableMs - ageMs };
  if ("reason" in shown && differs(seen.runner, shown)) return { do: "show", status: shown };
  if (started) return planCheck(seen);
  if (!Number.isFinite(ageMs)) return { do: "wait" };
  return { do: "wait", againMs: Math.max(1_000, rules.startLimitMs - ageMs + 1_000) };
}

function planCheck({ facts, nowMs }: RunnerObservation): RunnerPlan {
  if (facts.checkDueMs === undefined) return { do: "wait" };
  const rest = facts.checkDueMs - nowMs;
  return rest > 0 ? { do: "wait", againMs: rest } : { do: "check" };
}

function planFailure(
  runner: EphemeralRunner,
  pod: Pod,
  verdict: { reason: string; message: string },
): RunnerPlan {
  if (hasJob(runner)) return { do: "end", why: "died-with-job" };
  const { reason, message } = verdict;
  return { do: "retry", podUid: pod.metadata.uid ?? "", reason, message };
}

/** Somebody deletes the pod. It ends the runner once it is gone, or when its node does not answer any more. */
function planDeletedPod(seen: RunnerObservation, deletedAt: string): RunnerPlan {
  const rest = (Date.parse(deletedAt) || 0) + nodeLostMs - seen.wallMs;
  return rest > 0 ? { do: "wait", againMs: rest } : { do: "end", why: "node-lost" };
}

/** A pod that does not come up in time counts as failed: its JIT config would expire. */
function planLateStart(pod: Pod, rules: RunnerRules): RunnerPlan {
  const message = `the pod did not start within ${Math.round(rules.startLimitMs / 60_000)} minutes`;
  return { do: "retry", podUid: pod.metadata.uid ?? "", reason: "StartTimedOut", message };
}

/** Only what users wait for is written: phase, readiness, and the first reason for a delay. */
function differs(runner: EphemeralRunner, shown: Shown): boolean {
  const { phase, ready = false, reason = "" } = runner.status ?? {};
  const delayed = shown.phase === "Pending" && reason === "" && isTrouble(shown.reason);
  return phase !== shown.phase || ready !== shown.ready || delayed;
}

/** ContainerCreating and PodInitializing are no trouble; ErrImagePull and CrashLoopBackOff are. */
function isTrouble(reason: string): boolean {
  return /Err|BackOff|Invalid|Error|Unschedulable/.test(reason);
}
