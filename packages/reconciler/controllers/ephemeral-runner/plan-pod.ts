// Why: what a pod's state says about its runner. The container named "runner" decides, not the pod's
// phase: a pod may live on after its runner was killed (actions/actions-runner-controller #4155), or fail
// because of a side-car although the runner did its work. The order is ARC's (0.14.2,
// controllers/actions.github.com/ephemeralrunner_controller.go).
import { runnerContainer, type ContainerStatus, type Pod } from "../../pod.ts";

export type PodVerdict =
  /** Nothing to say yet. */
  | { kind: "wait" }
  /** Alive: to be shown on the runner. */
  | { kind: "alive"; phase: "Pending" | "Running"; ready: boolean; reason: string; message: string }
  | { kind: "succeeded" }
  /** GitHub no longer supports this runner version (exit code 7). */
  | { kind: "outdated"; message: string }
  | { kind: "failed"; reason: string; message: string };

const versionDeprecated = 7;

export function planPod(pod: Pod): PodVerdict {
  const { phase, reason = "", message = "" } = pod.status ?? {};
  const runner = pod.status?.containerStatuses?.find((one) => one.name === runnerContainer);
  const exit = runner?.state?.terminated;
  if (phase === "Failed" && !exit) {
    return { kind: "failed", reason: reason || "PodFailed", message };
  }
  if (phase === "Failed" && exit) return judgeExit(exit, { reason, message });
  const init = pod.status?.initContainerStatuses?.find(
    (one) => (one.state?.terminated?.exitCode ?? 0) !== 0 && !isSideCar(pod, one.name),
  );
  if (init) return failedInit(init);
  if (!runner) return withoutNode(pod);
  if (exit) return judgeExit(exit, { reason, message });
  if (phase === "Succeeded") return { kind: "wait" };
  return alive(pod, runner);
}

/** A native side-car (Docker's daemon, say) is an init container that the kubelet starts again by itself. */
function isSideCar(pod: Pod, name: string): boolean {
  const container = pod.spec?.initContainers?.find((one) => one.name === name);
  return container?.restartPolicy === "Always";
}

/** No kubelet has said anything yet; the scheduler may have. */
function withoutNode(pod: Pod): PodVerdict {
  const scheduled = pod.status?.conditions?.find((one) => one.type === "PodScheduled");
  if (scheduled?.reason !== "Unschedulable") return { kind: "wait" };
  const { reason, message = "" } = scheduled;
  return { kind: "alive", phase: "Pending", ready: false, reason, message };
}

type Terminated = NonNullable<NonNullable<ContainerStatus["state"]>["terminated"]>;

/** The pod's own words (Evicted, …) say more than the container's. */
function judgeExit(exit: Terminated, pod: { reason: string; message: string }): PodVerdict {
  if (exit.exitCode === 0) return { kind: "succeeded" };
  const said = pod.message || exit.message;
  const message = said || `the runner ended with exit code ${exit.exitCode}`;
  if (exit.exitCode === versionDeprecated) return { kind: "outdated", message };
  return { kind: "failed", reason: pod.reason || exit.reason || "RunnerFailed", message };
}

function failedInit(init: ContainerStatus): PodVerdict {
  const exit = init.state?.terminated;
  const message = `init container ${init.name} ended with exit code ${exit?.exitCode ?? 0}`;
  return { kind: "failed", reason: "InitContainerFailed", message };
}

function alive(pod: Pod, runner: ContainerStatus): PodVerdict {
  const ready = pod.status?.conditions?.some(
    (one) => one.type === "Ready" && one.status === "True",
  );
  const waiting = runner.state?.waiting;
  return {
    kind: "alive",
    phase: pod.status?.phase === "Running" ? "Running" : "Pending",
    ready: ready ?? false,
    reason: waiting?.reason ?? pod.status?.reason ?? "",
    message: waiting?.message ?? pod.status?.message ?? "",
  };
}
