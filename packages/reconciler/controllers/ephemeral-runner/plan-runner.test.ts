import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { EphemeralRunner } from "@runlet/kubernetes/resources";
import type { Pod, PodStatus } from "../../pod.ts";
import { planRunner, type RunnerObservation, type RunnerRules } from "./plan-runner.ts";

const rules: RunnerRules = {
  podRetriesMs: [0, 5_000, 10_000, 20_000, 40_000, 80_000],
  startLimitMs: 45 * 60_000,
  quotaGiveUpMs: 600_000,
  unschedulableMs: 60_000,
};
const wallMs = Date.parse("2026-01-01T12:00:00Z");

function runner(status: EphemeralRunner["status"] = {}): EphemeralRunner {
  return {
    metadata: { name: "r", uid: "r-uid" },
    spec: { githubConfigUrl: "https://github.com/o", githubConfigSecret: "s", runnerScaleSetId: 1 },
    status,
  };
}

function pod(status: PodStatus, metadata: Partial<Pod["metadata"]> = {}): Pod {
  const owner = {
    apiVersion: "v1",
    kind: "EphemeralRunner",
    name: "r",
    uid: "r-uid",
    controller: true,
  };
  return {
    metadata: {
      name: "r",
      uid: "p-uid",
      creationTimestamp: "2026-01-01T12:00:00Z",
      ownerReferences: [owner],
      ...metadata,
    },
    status,
  };
}

function plan(seen: Partial<RunnerObservation>) {
  return planRunner(
    { runner: runner(), pod: undefined, facts: {}, nowMs: 0, wallMs, ...seen },
    rules,
  );
}

const failed: PodStatus = {
  phase: "Failed",
  containerStatuses: [{ name: "runner", state: { terminated: { exitCode: 1 } } }],
};
const failures = (count: number, agoMs: number) =>
  Object.fromEntries(
    Array.from({ length: count }, (_, at) => [`old-${at}`, new Date(wallMs - agoMs).toISOString()]),
  );

describe("what is next for a runner", () => {
  it("a new one is registered", () => {
    expect(plan({})).toEqual({ do: "register" });
  });

  it("one that this process has registered gets its pod without a second registration", () => {
    const registration = { runnerId: 7, runnerName: "r", atMs: 0 };
    expect(plan({ facts: { registration } })).toEqual({ do: "launch" });
  });

  it("one that is registered and has no pod has ended, if the cluster confirms it", () => {
    expect(plan({ runner: runner({ runnerId: 7 }) })).toEqual({ do: "confirm-lost" });
  });

  it("a registration is never given to a second pod: after a failed pod it is made anew", () => {
    const seen = { runner: runner({ runnerId: 7, phase: "Running" }), pod: pod(failed) };
    expect(plan(seen)).toMatchObject({ do: "retry", podUid: "p-uid" });
  });

  it("a failed pod whose runner has a job ends the runner", () => {
    const seen = { runner: runner({ runnerId: 7, jobId: "j" }), pod: pod(failed) };
    expect(plan(seen)).toEqual({ do: "end", why: "died-with-job" });
  });

  it("a failed pod that was counted is only removed", () => {
    const counted = { "p-uid": "2026-01-01T12:00:00Z" };
    expect(plan({ runner: runner({ failures: counted }), pod: pod(failed) })).toEqual({
      do: "drop-pod",
    });
  });

  it("the waits between pods grow as ARC's, and the sixth failure is the last", () => {
    for (const [count, wait] of rules.podRetriesMs.entries()) {
      if (count === 0) continue;
      const early = plan({ runner: runner({ failures: failures(count, wait - 1) }) });
      expect(early).toEqual({ do: "wait", againMs: 1 });
      const due = plan({ runner: runner({ failures: failures(count, wait) }) });
      expect(due).toEqual({ do: "register" });
    }
    const last = plan({ runner: runner({ failures: failures(6, 1), reason: "Evicted" }) });
    expect(last).toMatchObject({ do: "fail", reason: "TooManyPodFailures" });
  });

  it("a clock that jumped back stretches no wait beyond its rule", () => {
    const seen = plan({ runner: runner({ failures: failures(1, -3_600_000) }) });
    expect(seen).toEqual({ do: "wait", againMs: 5_000 });
  });

  it("a pod between whose making and the status a crash fell is adopted", () => {
    expect(plan({ pod: pod({ phase: "Pending" }) })).toEqual({ do: "adopt" });
  });

  it("a pod of somebody else fails the runner", () => {
    const foreign = pod({ phase: "Running" }, { ownerReferences: [] });
    expect(plan({ pod: foreign })).toMatchObject({ do: "fail", reason: "InvalidPod" });
  });

  it("a pod on a lost node ends its runner a minute after its grace", () => {
    const running: PodStatus = {
      phase: "Running",
      containerStatuses: [{ name: "runner", state: { running: {} } }],
    };
    const deleted = pod(running, { deletionTimestamp: "2026-01-01T12:00:00Z" });
    const seen = { runner: runner({ runnerId: 7, phase: "Running" as const }), pod: deleted };
    expect(plan({ ...seen, wallMs: wallMs + 59_000 })).toEqual({ do: "wait", againMs: 1_000 });
    expect(plan({ ...seen, wallMs: wallMs + 60_000 })).toEqual({ do: "end", why: "node-lost" });
  });

  it("a counted pod that does not go away ends its runner too", () => {
    const counted = { failures: { "p-uid": "2026-01-01T12:00:00Z" } };
    const deleted = pod({ phase: "Pending" }, { deletionTimestamp: "2026-01-01T12:00:00Z" });
    const seen = { runner: runner(counted), pod: deleted };
    expect(plan({ ...seen, wallMs: wallMs + 1_000 })).toEqual({ do: "wait", againMs: 59_000 });
    expect(plan({ ...seen, wallMs: wallMs + 60_000 })).toEqual({ do: "end", why: "node-lost" });
  });

  it("the news of a job that come after its pod has failed end the runner", () => {
    const late = runner({ jobId: "j", failures: failures(1, 1_000) });
    expect(plan({ runner: late })).toEqual({ do: "end", why: "died-with-job" });
  });

  it("a pod without a node is shown after a minute, not while the cluster may be growing", () => {
    const conditions = [{ type: "PodScheduled", status: "False", reason: "Unschedulable" }];
    const seen = {
      runner: runner({ runnerId: 7, phase: "Pending" as const }),
      pod: pod({ phase: "Pending", conditions }),
    };
    expect(plan({ ...seen, wallMs: wallMs + 20_000 })).toEqual({ do: "wait", againMs: 40_000 });
    expect(plan({ ...seen, wallMs: wallMs + 60_000 })).toMatchObject({
      do: "show",
      status: { reason: "Unschedulable" },
    });
  });

  it("one that runs is looked up at the service when that is due", () => {
    const status: PodStatus = { phase: "Running", containerStatuses: [{ name: "runner" }] };
    const seen = { runner: runner({ runnerId: 7, phase: "Running" as const }), pod: pod(status) };
    const at = (nowMs: number) => plan({ ...seen, facts: { checkDueMs: 5_000 }, nowMs });
    expect(at(4_000)).toEqual({ do: "wait", againMs: 1_000 });
    expect(at(5_000)).toEqual({ do: "check" });
  });

  it("a pod that does not start in 45 minutes counts as failed", () => {
    const seen = {
      runner: runner({ runnerId: 7, phase: "Pending" as const }),
      pod: pod({ phase: "Pending" }),
    };
    expect(plan({ ...seen, wallMs: wallMs + 45 * 60_000 }).do).toBe("wait");
    expect(plan({ ...seen, wallMs: wallMs + 46 * 60_000 })).toMatchObject({
      reason: "StartTimedOut",
    });
  });

  it("a runner that is done is tidied up and nothing else, whatever its pod says", () => {
    const phases = fc.constantFrom("Failed" as const, "Outdated" as const, "Succeeded" as const);
    const podPhase = fc.constantFrom("Pending" as const, "Running" as const, "Failed" as const);
    fc.assert(
      fc.property(phases, fc.option(podPhase, { nil: undefined }), (phase, of) => {
        const seen = plan({
          runner: runner({ phase, runnerId: 3 }),
          pod: of && pod({ phase: of }),
        });
        expect(seen).toEqual({ do: "tidy" });
      }),
    );
  });

  it("the status is written when phase or readiness change, and not when nothing does", () => {
    const status: PodStatus = {
      phase: "Running",
      conditions: [{ type: "Ready", status: "True" }],
      containerStatuses: [{ name: "runner", state: { running: {} } }],
    };
    const before = plan({ runner: runner({ runnerId: 7, phase: "Pending" }), pod: pod(status) });
    expect(before).toMatchObject({ do: "show", status: { phase: "Running", ready: true } });
    const after = plan({
      runner: runner({ runnerId: 7, phase: "Running", ready: true }),
      pod: pod(status),
    });
    expect(after).toEqual({ do: "wait" });
  });
});
