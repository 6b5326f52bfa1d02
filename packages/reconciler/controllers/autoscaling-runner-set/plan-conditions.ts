// Why: `kubectl get` and `kubectl wait` should answer "can it be served, and if not, what must I write?". Two conditions
// say it: Registered (there is a scale set at GitHub and a runner set here) and Healthy (its runners come to life).
import type {
  AutoscalingRunnerSet,
  Condition,
  EphemeralRunnerSet,
} from "@runlet/kubernetes/resources";
import type { SpecProblem } from "./find-spec-problems.ts";

/** What a condition says, without its times. */
export type Verdict = Pick<Condition, "type" | "status" | "reason" | "message">;

export interface Health {
  runnerSet: EphemeralRunnerSet | undefined;
  refusedCount: number;
  /** Why the pods of refused runners do not start, in the scheduler's or the kubelet's word. */
  startTrouble: string | undefined;
  /** A changed template waits until the last runner of the old one has gone. */
  isDraining: boolean;
  /** Jobs have waited beside idle runners for too long. */
  isStuck: boolean;
  /** Named by the manifest, absent at GitHub. */
  missingLabels: readonly string[];
  /** Of the spec; none of them blocks. */
  problem: SpecProblem | undefined;
}

export function refusedVerdict(problem: { reason: string; message: string }): Verdict {
  return { type: "Registered", status: "False", ...only(problem) };
}

/** `fence` is the runner set's: "0" until a poller has served it for the first time. */
export function registeredVerdict(fence: string | undefined): Verdict {
  const message =
    fence === "0"
      ? "no control plane has served it yet: it is found within a minute where one knows this cluster"
      : "";
  return { type: "Registered", status: "True", reason: "Registered", message };
}

/** The worst thing first; counts stay out of the words, so that they change when the matter does. */
export function healthVerdict(health: Health): Verdict {
  const worst = findTrouble(health) ?? health.problem;
  return worst
    ? { type: "Healthy", status: "False", ...only(worst) }
    : { type: "Healthy", status: "True", reason: "Healthy", message: "" };
}

function findTrouble(health: Health): { reason: string; message: string } | undefined {
  const status = health.runnerSet?.status;
  if (status?.phase === "Outdated") {
    const message = "GitHub does not take this runner version any more: change spec.template";
    return { reason: "RunnerVersionOutdated", message };
  }
  if (health.isDraining) {
    const message =
      "the changed template waits until the last runner of the old one has gone (update strategy eventual); " +
      "until then none is made";
    return { reason: "TemplateWaits", message };
  }
  if (health.isStuck) {
    const message =
      "jobs are assigned and not taken although runners are idle; they are replaced one by one. If it stays, " +
      "GitHub counts jobs that do not exist (actions/actions-runner-controller #4193)";
    return { reason: "JobsBesideIdleRunners", message };
  }
  if (health.refusedCount > 0 && health.startTrouble !== undefined) {
    const message =
      `pods of runners do not start (${health.startTrouble}): see the status of the EphemeralRunners that are ` +
      "Pending, and correct spec.template or the cluster";
    return { reason: "RunnersNotStarting", message };
  }
  if (health.refusedCount > 0) {
    const message =
      "the cluster refuses runners (quota, admission, or a template that fails again and again): see the events " +
      "of the EphemeralRunnerSet and the status of its EphemeralRunners";
    return { reason: "RunnersRefused", message };
  }
  if ((status?.failedEphemeralRunners ?? 0) > 0) {
    const message = "runners failed: see the status of the EphemeralRunners in phase Failed";
    return { reason: "RunnersFailed", message };
  }
  if (health.missingLabels.length > 0) {
    const message =
      `spec.runnerScaleSetLabels has ${health.missingLabels.join(", ")}, which the scale set at GitHub lacks: labels ` +
      "are sent when it is made, and need GitHub Enterprise Server 3.18; delete the set and make it anew";
    return { reason: "LabelsMissing", message };
  }
  return undefined;
}

/** The conditions that `set` should show instead of those that are `there`; others' conditions stay. */
export function planConditions(
  set: AutoscalingRunnerSet,
  there: readonly Condition[],
  verdicts: readonly Verdict[],
  now: string,
): Condition[] {
  const ours = verdicts.map((verdict): Condition => {
    const before = there.find(({ type }) => type === verdict.type);
    const sameReason = before?.reason === verdict.reason;
    const since = before?.status === verdict.status ? before.lastTransitionTime : now;
    const { generation } = set.metadata;
    return {
      ...verdict,
      // GitHub's own words may differ from one refusal to the next.
      ...(sameReason && verdict.reason === "Unauthorized" ? { message: before.message } : {}),
      lastTransitionTime: since,
      ...(generation === undefined ? {} : { observedGeneration: generation }),
    };
  });
  const types = new Set(verdicts.map(({ type }) => type));
  return [...there.filter(({ type }) => !types.has(type)), ...ours];
}

function only({ reason, message }: { reason: string; message: string }) {
  return { reason, message };
}
