// Why: the status of a runner set is what pollers, users and the parent read: how many, in which state, how
// many at work, and whether GitHub still takes them.
import type { EphemeralRunner, EphemeralRunnerSet } from "@runlet/kubernetes/resources";
import { isDone } from "../ephemeral-runner/plan-runner.ts";
import type { RunnerView } from "./plan-scale.ts";

export type SetStatus = Required<NonNullable<EphemeralRunnerSet["status"]>>;

export function planStatus(
  runners: readonly EphemeralRunner[],
  views: readonly RunnerView[],
): SetStatus {
  const count = (state: RunnerView["state"]) => views.filter((one) => one.state === state).length;
  const [pending, running, failed] = [count("pending"), count("running"), count("failed")];
  const noPod = runners.filter((one) => isRefused(one) && one.status?.phase === "Pending").length;
  const current = views.filter((one) => one.state === "outdated" && !one.stale);
  return {
    currentReplicas: pending + running + failed,
    // A poller adds those that the cluster refuses (runlet.dev/refused): each counts once.
    pendingEphemeralRunners: Math.max(0, pending - noPod),
    runningEphemeralRunners: running,
    failedEphemeralRunners: failed,
    // One that is being deleted keeps its job until the service says otherwise.
    busyEphemeralRunners: runners.filter((one) => one.status?.jobId && !isDone(one)).length,
    phase: current.length > 0 ? "Outdated" : "Running",
  };
}

/** It exists, and the cluster gave it no pod. */
export function isRefused({ metadata, status }: EphemeralRunner): boolean {
  if (metadata.deletionTimestamp !== undefined) return false;
  const { phase, reason } = status ?? {};
  const invalid = phase === "Failed" && reason === "InvalidPod";
  return invalid || (phase === "Pending" && reason === "QuotaExceeded");
}

export function isSameStatus(a: EphemeralRunnerSet["status"], b: SetStatus): boolean {
  return (
    a?.currentReplicas === b.currentReplicas &&
    a.pendingEphemeralRunners === b.pendingEphemeralRunners &&
    a.runningEphemeralRunners === b.runningEphemeralRunners &&
    a.failedEphemeralRunners === b.failedEphemeralRunners &&
    a.busyEphemeralRunners === b.busyEphemeralRunners &&
    a.phase === b.phase
  );
}
