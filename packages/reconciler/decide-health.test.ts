import { describe, expect, it } from "vitest";
import { decideHealth, type HealthFacts } from "./decide-health.ts";

const minute = 60_000;
const idle = { name: "runners", waiting: 0, running: 0, succeeded: 0, failed: 0 };

function healthOf(change: Partial<HealthFacts>) {
  const freshness = [{ staleSinceMs: undefined, heardAtMs: 0 }];
  return decideHealth({ nowMs: 0, freshness, queues: [], ...change });
}

describe("the health of a reconciler", () => {
  it("is not ready before its caches are filled, and not stuck either", () => {
    expect(healthOf({ freshness: undefined })).toEqual({ ready: false, stuck: undefined });
  });

  it("is ready while it sees the cluster as it is, and for a minute after it does not", () => {
    const freshness = [{ staleSinceMs: 1, heardAtMs: minute }];
    expect(healthOf({ nowMs: minute, freshness }).ready).toBe(true);
    expect(healthOf({ nowMs: minute + 1, freshness })).toEqual({ ready: false, stuck: undefined });
  });

  it("is ready while it sees one of the named namespaces", () => {
    const freshness = [
      { staleSinceMs: undefined, heardAtMs: minute },
      { staleSinceMs: 1, heardAtMs: minute },
    ];
    expect(healthOf({ nowMs: 2 * minute, freshness }).ready).toBe(true);
  });

  it("is stuck when a watch has not turned for longer than any watch may be silent", () => {
    const freshness = [{ staleSinceMs: undefined, heardAtMs: 0 }];
    expect(healthOf({ nowMs: 6 * minute, freshness }).stuck).toBeUndefined();
    expect(healthOf({ nowMs: 7 * minute, freshness }).stuck).toMatch(/watch/);
  });

  it("is stuck when a pass does not end", () => {
    const nowMs = 11 * minute;
    const freshness = [{ staleSinceMs: undefined, heardAtMs: nowMs }];
    const queues = [{ ...idle, oldestStartMs: undefined }];
    expect(healthOf({ nowMs, freshness, queues }).stuck).toBeUndefined();
    const hanging = [{ ...idle, running: 1, oldestStartMs: 0 }];
    expect(healthOf({ nowMs, freshness, queues: hanging }).stuck).toBe(
      "a pass of runners does not end",
    );
  });
});
