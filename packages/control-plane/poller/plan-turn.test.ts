import { describe, expect, it } from "vitest";
import { noStatistics } from "@runlet/domain/statistics";
import { planTurn, shouldAskAgain, type PlannedTarget } from "./plan-turn.ts";

function target(key: string, over: Partial<PlannedTarget["place"]> = {}): PlannedTarget {
  return {
    place: {
      key,
      minRunners: 0,
      maxRunners: 10,
      current: 1,
      busy: 0,
      healthy: true,
      deleting: false,
      priority: 0,
      weight: 1,
      refused: 0,
      refusedLong: false,
      completed: 0,
      allowance: undefined,
      ...over,
    },
    pair: { replicas: 1, patchId: 4 },
    sequence: 4,
    facts: { applied: true, replicas: 1, driftWaits: false, alive: 1 },
  };
}
const assigned = (totalAssignedJobs: number) => ({ ...noStatistics, totalAssignedJobs });

describe("a turn's plan", () => {
  it("gives each target a new number after a message, and the sum is the tally's", () => {
    const plan = planTurn("message", assigned(4), [target("a"), target("b")]);
    expect(plan.desired).toBe(4);
    expect(plan.targets.map(({ decision }) => decision?.pair.patchId)).toEqual([5, 5]);
  });

  it("writes nothing to a target that cannot be reached unless its count changes, and then owes it", () => {
    const silent = { ...target("a", { healthy: false }), facts: undefined };
    const same = planTurn("message", assigned(1), [silent]);
    expect(same.targets[0]?.decision).toBeUndefined();
    const moved = planTurn("message", assigned(1), [silent, target("b", { current: 0 })]);
    expect(moved.targets[0]?.decision?.pair).toEqual({ replicas: 0, patchId: 5 });
  });

  it("decides nothing for a target that is not there", () => {
    const gone = { ...target("a", { deleting: true }), facts: undefined };
    expect(planTurn("message", assigned(1), [gone]).targets[0]?.decision).toBeUndefined();
  });

  it("settles a target at its minimum while another one still works", () => {
    const idle = target("idle", { minRunners: 1, busy: 0 });
    const busy = { ...target("busy", { current: 2, busy: 2 }), pair: { replicas: 2, patchId: 4 } };
    busy.facts = { applied: true, replicas: 2, driftWaits: false, alive: 2 };
    const plan = planTurn("empty-poll", { ...assigned(2), totalRunningJobs: 2 }, [idle, busy]);
    expect(plan.targets.map(({ decision }) => decision?.pair.patchId)).toEqual([0, undefined]);
  });
});

describe("a tally that looks wrong is asked again", () => {
  it("when bodies speak of new jobs and it did not rise", () => {
    const news = { assigned: 1, completed: 0 };
    expect(shouldAskAgain(assigned(2), assigned(2), news, 0)).toBe(true);
    expect(shouldAskAgain(assigned(2), assigned(3), news, 0)).toBe(false);
    expect(shouldAskAgain(assigned(2), assigned(2), { assigned: 1, completed: 1 }, 0)).toBe(false);
  });

  it("when it is nothing while runners run that have not completed", () => {
    expect(shouldAskAgain(assigned(2), assigned(0), { assigned: 0, completed: 0 }, 2)).toBe(true);
    expect(shouldAskAgain(assigned(2), assigned(0), { assigned: 0, completed: 2 }, 2)).toBe(false);
  });
});
