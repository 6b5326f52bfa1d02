import { describe, expect, it } from "vitest";
import type { ContainerStatus, Pod, PodStatus } from "../../pod.ts";
import { planPod } from "./plan-pod.ts";

const pod = (status: PodStatus): Pod => ({ metadata: { name: "p" }, status });
const ended = (exitCode: number, name = "runner"): ContainerStatus => ({
  name,
  state: { terminated: { exitCode } },
});
const running: ContainerStatus = { name: "runner", state: { running: {} } };

// The cases of ARC's own controller tests (0.14.2, ephemeralrunner_controller_test.go).
const cases: [string, PodStatus, string][] = [
  ["nothing known yet", {}, "wait"],
  ["scheduled, no container status", { phase: "Pending" }, "wait"],
  ["succeeded without container status", { phase: "Succeeded" }, "wait"],
  ["evicted without container status", { phase: "Failed", reason: "Evicted" }, "failed"],
  [
    "evicted while the container is shown running",
    { phase: "Failed", reason: "Evicted", containerStatuses: [running] },
    "failed",
  ],
  [
    "failed, the runner ended well",
    { phase: "Failed", containerStatuses: [ended(0)] },
    "succeeded",
  ],
  ["failed, the runner ended badly", { phase: "Failed", containerStatuses: [ended(1)] }, "failed"],
  ["failed, version deprecated", { phase: "Failed", containerStatuses: [ended(7)] }, "outdated"],
  [
    "running, the runner ended well",
    { phase: "Running", containerStatuses: [ended(0)] },
    "succeeded",
  ],
  [
    "running, the runner was killed",
    { phase: "Running", containerStatuses: [ended(137)] },
    "failed",
  ],
  ["running, version deprecated", { phase: "Running", containerStatuses: [ended(7)] }, "outdated"],
  [
    "an init container failed",
    { phase: "Pending", initContainerStatuses: [ended(2, "init")] },
    "failed",
  ],
  [
    "an init container ended well",
    { phase: "Pending", initContainerStatuses: [ended(0, "init")] },
    "wait",
  ],
  [
    "a side-car ended badly",
    { phase: "Running", containerStatuses: [ended(1, "dind"), running] },
    "alive",
  ],
  [
    "no node takes it",
    {
      phase: "Pending",
      conditions: [{ type: "PodScheduled", status: "False", reason: "Unschedulable" }],
    },
    "alive",
  ],
  ["running", { phase: "Running", containerStatuses: [running] }, "alive"],
  ["unknown, still shown running", { phase: "Unknown", containerStatuses: [running] }, "alive"],
];

describe("what a pod says about its runner", () => {
  for (const [what, status, verdict] of cases) {
    it(`${what}: ${verdict}`, () => expect(planPod(pod(status)).kind).toBe(verdict));
  }

  it("a native side-car that ended badly is started again by the kubelet and fails nothing", () => {
    const seen = pod({ phase: "Running", initContainerStatuses: [ended(1, "dind")] });
    const initContainers = [{ name: "dind", restartPolicy: "Always" }];
    expect(planPod({ ...seen, spec: { containers: [], initContainers } }).kind).toBe("wait");
    expect(planPod({ ...seen, spec: { containers: [] } }).kind).toBe("failed");
  });

  it("an exit code that nobody knows is a failure that names it", () => {
    // 1 … 5 are the runner's own (actions/runner, Constants.cs), 128 + n a signal.
    for (const code of [1, 2, 3, 4, 5, 6, 8, 42, 128, 137, 143, 255]) {
      const verdict = planPod(pod({ phase: "Running", containerStatuses: [ended(code)] }));
      expect(verdict, `exit code ${code}`).toMatchObject({
        kind: "failed",
        message: `the runner ended with exit code ${code}`,
      });
    }
  });

  it("an eviction is told in the pod's words, not as the container's exit code", () => {
    const status: PodStatus = {
      phase: "Failed",
      reason: "Evicted",
      message: "low on memory",
      containerStatuses: [ended(137)],
    };
    expect(planPod(pod(status))).toEqual({
      kind: "failed",
      reason: "Evicted",
      message: "low on memory",
    });
  });
});
