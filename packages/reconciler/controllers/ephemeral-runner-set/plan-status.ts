// Why: the status of a runner set is what pollers, users and the parent read: how many, in which state, how
// many at work, and whether GitHub still takes them.
import type { EphemeralRunner, EphemeralRunnerSet } from "@runlet/kubernetes/resources";
import { isDone } from "../ephemeral-runner/plan-runner.ts";
import type { RunnerView } from "./plan-scale.ts";

export type SetStatus = Required<NonNullable<EphemeralRunnerSet["status"]>>;

export function planStatus(
  runners: readonly EphemeralRunner[],
  views: readonly RunnerView[],
  rules: RefusalRules,
): SetStatus {
  const count = (state: RunnerView["state"]) => views.filter((one) => one.state === state).length;
  const [pending, running, failed] = [count("pending"), count("running"), count("failed")];
  const noPod = runners.filter(
    (one) => refusedInMs(one, rules) === 0 && one.status?.phase === "Pending",
  ).length;
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

export interface RefusalRules {
  wallMs: number;
  /** A pod that is in trouble and has not started by then is as good as refused. */
  startTroubleMs: number;
}

/** Ms until the runner counts as one that the cluster gives no pod, 0 when it does; undefined: all is well. */
export function refusedInMs(runner: EphemeralRunner, rules: RefusalRules): number | undefined {
  const { phase, reason } = runner.status ?? {};
  if (runner.metadata.deletionTimestamp !== undefined) return undefined;
  if (phase === "Failed" && reason === "InvalidPod") return 0;
  if (phase === "Pending" && reason === "QuotaExceeded") return 0;
  if (findStartTrouble(runner) === undefined) return undefined;
  const createdMs = Date.parse(runner.metadata.creationTimestamp ?? "") || 0;
  return Math.max(0, createdMs + rules.startTroubleMs - rules.wallMs);
}

/** The scheduler's or the kubelet's word for why its pod does not start (ErrImagePull, Unschedulable …). */
export function findStartTrouble({ status }: EphemeralRunner): string | undefined {
  return status?.phase === "Pending" && status.runnerId ? status.reason || undefined : undefined;
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
