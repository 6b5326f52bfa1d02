import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { afterStep, watchIdleness, type IdleRules, type IdleWatch } from "./idleness.ts";

const rules: IdleRules = { afterMs: 600, step: { baseMs: 120, capMs: 3_600 } };
const look = fc.record({ waitingJobs: fc.integer({ min: -2, max: 3 }), idleRunners: fc.nat(2) });

/** Looks every 100 ms and steps when it may; the instants of the steps. */
function play(looks: { waitingJobs: number; idleRunners: number }[]): number[] {
  let watch: IdleWatch | undefined;
  const steps: number[] = [];
  for (const [at, seen] of looks.entries()) {
    const nowMs = at * 100;
    watch = watchIdleness({ ...seen, before: watch, nowMs }, rules);
    if (!watch?.stuck || seen.idleRunners === 0 || nowMs < watch.stuck.nextStepMs) continue;
    steps.push(nowMs);
    watch = afterStep(watch, nowMs, rules);
  }
  return steps;
}

describe("jobs beside idle runners", () => {
  it("cost nothing before the time is over, and nothing once no job waits", () => {
    fc.assert(
      fc.property(fc.array(look, { maxLength: 200 }), (looks) => {
        for (const atMs of play(looks)) {
          const before = looks.slice(Math.max(0, atMs / 100 - 6), atMs / 100 + 1);
          expect(before.length).toBe(7);
          expect(before.every(({ waitingJobs }) => waitingJobs > 0)).toBe(true);
        }
      }),
    );
  });

  it("cost ever less: waits double up to the cap", () => {
    const steps = play(Array.from({ length: 300 }, () => ({ waitingJobs: 1, idleRunners: 1 })));
    const waits = steps.slice(1).map((at, index) => at - (steps[index] ?? 0));
    expect(steps[0]).toBe(600);
    for (const [index, wait] of waits.entries()) {
      const due = Math.min(3_600, 120 * 2 ** index);
      expect(wait).toBeGreaterThanOrEqual(due);
      expect(wait).toBeLessThan(due + 100);
    }
  });

  it("are forgotten when no runner is idle for long", () => {
    const stuck: IdleWatch = { sinceMs: 0, seenMs: 1_000, stuck: { steps: 3, nextStepMs: 0 } };
    const at = (nowMs: number) =>
      watchIdleness({ before: stuck, waitingJobs: 1, idleRunners: 0, nowMs }, rules);
    expect(at(2_200)).toBe(stuck);
    expect(at(2_201)).toBeUndefined();
  });
});
