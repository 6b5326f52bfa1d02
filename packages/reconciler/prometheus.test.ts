import { describe, expect, it } from "vitest";
import type { EphemeralRunnerSet } from "@runlet/kubernetes/resources";
import { renderMetrics } from "./prometheus.ts";
import { prometheusTable, type MetricsView } from "./prometheus-table.ts";

const tally = {
  totalAvailableJobs: 1,
  totalAcquiredJobs: 2,
  totalAssignedJobs: 7,
  totalRunningJobs: 4,
  totalRegisteredRunners: 6,
  totalBusyRunners: 4,
  totalIdleRunners: 2,
};

const runnerSet = (annotations: Record<string, string> = {}): EphemeralRunnerSet => ({
  metadata: {
    name: "builders-x1y2z",
    namespace: "runners",
    labels: {
      "actions.github.com/scale-set-name": "builders",
      "actions.github.com/scale-set-namespace": "runners",
      "actions.github.com/organization": 'a"b\\c\nd',
    },
    annotations,
  },
  spec: { replicas: 7, patchID: 3 },
  status: { currentReplicas: 6, pendingEphemeralRunners: 2, runningEphemeralRunners: 4 },
});

function viewOf(...sets: MetricsView["sets"]): MetricsView {
  const queue = { waiting: 1, running: 0, oldestStartMs: undefined, succeeded: 5, failed: 2 };
  const queues = [{ name: "ephemeral-runners", ...queue }];
  const places = [
    { namespace: "runners", isSeen: true },
    { namespace: "other", isSeen: false },
  ];
  return { sets, queues, places, isLeader: true, residentBytes: 1, cpuSeconds: 0.5 };
}

const autoscaling = {
  metadata: { name: "builders", namespace: "runners" },
  spec: { minRunners: 1 },
};

describe("the metrics", () => {
  it("are those of ARC's controller and of its listener's gauges", () => {
    const annotations = {
      "runlet.dev/statistics": JSON.stringify(tally),
      "runlet.dev/fence": "here:4",
      "runlet.dev/refused": '{"count":3,"since":"2026-01-01T00:00:00.000Z"}',
    };
    const text = renderMetrics(viewOf({ runnerSet: runnerSet(annotations), autoscaling }));
    const where = String.raw`namespace="runners",repository="",organization="a\"b\\c\nd",enterprise=""`;
    const ofArc = `{name="builders",${where}}`;
    const ofListener = `{name="builders-x1y2z",${where}}`;
    expect(text.split("\n").filter((line) => /^[^#]/.test(line))).toEqual([
      `gha_controller_pending_ephemeral_runners${ofArc} 2`,
      `gha_controller_running_ephemeral_runners${ofArc} 4`,
      `gha_controller_failed_ephemeral_runners${ofArc} 0`,
      `gha_controller_running_listeners${ofArc} 1`,
      `gha_assigned_jobs${ofListener} 7`,
      `gha_running_jobs${ofListener} 4`,
      `gha_registered_runners${ofListener} 6`,
      `gha_busy_runners${ofListener} 4`,
      `gha_idle_runners${ofListener} 2`,
      `gha_min_runners${ofListener} 1`,
      `gha_max_runners${ofListener} 2147483647`,
      `gha_desired_runners${ofListener} 7`,
      `runlet_refused_runners${ofArc} 3`,
      `runlet_reconciler_queue_length{queue="ephemeral-runners"} 1`,
      `runlet_reconciler_passes_total{queue="ephemeral-runners",result="succeeded"} 5`,
      `runlet_reconciler_passes_total{queue="ephemeral-runners",result="failed"} 2`,
      'runlet_reconciler_namespace_seen{namespace="runners"} 1',
      'runlet_reconciler_namespace_seen{namespace="other"} 0',
      "runlet_reconciler_leader 1",
      "process_resident_memory_bytes 1",
      "process_cpu_seconds_total 0.5",
    ]);
  });

  it("name themselves once each, and what they are", () => {
    const names = prometheusTable.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    const text = renderMetrics(viewOf({ runnerSet: runnerSet(), autoscaling }));
    expect(text).toContain(
      "# HELP gha_desired_runners Runners that the poller asked for here.\n# TYPE gha_desired_runners gauge\n",
    );
    expect(text.endsWith("\n")).toBe(true);
    const counters = prometheusTable.filter(({ type }) => type === "counter");
    expect(counters.every(({ name }) => name.endsWith("_total"))).toBe(true);
  });

  it("of a set that no poller has served yet show no tally", () => {
    const broken = [undefined, "{}", "[]", "null", "nonsense", '{"totalAssignedJobs":"7"}'];
    for (const text of broken) {
      const annotations = text === undefined ? {} : { "runlet.dev/statistics": text };
      const shown = renderMetrics(viewOf({ runnerSet: runnerSet(annotations), autoscaling }));
      expect(shown).not.toContain("gha_assigned_jobs");
      expect(shown).toMatch(/gha_controller_running_listeners\{.*\} 0\n/);
    }
  });

  it("of a set that is gone are gone too", () => {
    expect(renderMetrics(viewOf())).not.toContain("gha_");
  });
});
