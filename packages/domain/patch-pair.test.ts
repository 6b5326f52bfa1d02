import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { desiredCount } from "./desired-count.ts";
import {
  decidePair,
  laterPatchId,
  nextPatchId,
  type Occasion,
  type PairState,
} from "./patch-pair.ts";
import { int32Max } from "./target.ts";

interface Step {
  occasion: Occasion;
  desired: number;
}

/** Plays steps on a target that takes every pair and whose runners never die. */
function play(
  steps: Step[],
  minRunners: number,
  start: PairState = { pair: undefined, sequence: 0 },
) {
  let state = start;
  const written: { step: number; replicas: number; patchId: number; why: string }[] = [];
  steps.forEach(({ occasion, desired }, step) => {
    const replicas = state.pair?.replicas ?? 0;
    const applied = state.pair !== undefined;
    const facts = { applied, replicas, driftWaits: false, alive: replicas };
    const decision = decidePair(occasion, { desired, minRunners }, state, facts);
    if (!decision) return;
    state = { pair: decision.pair, sequence: decision.sequence };
    written.push({ step, ...decision.pair, why: decision.why });
  });
  return { written, state };
}

const steps = fc.array(
  fc.record({
    occasion: fc.constantFrom<Occasion>("message", "empty-poll", "look"),
    desired: fc.integer({ min: 1, max: 6 }),
  }),
  { maxLength: 40 },
);

describe("the pair of a target", () => {
  it("follows every message with a new number, also at an equal count", () => {
    const { written } = play(
      [
        { occasion: "message", desired: 2 },
        { occasion: "message", desired: 2 },
      ],
      0,
    );
    expect(written.map(({ replicas, patchId }) => [replicas, patchId])).toEqual([
      [2, 1],
      [2, 2],
    ]);
  });

  it("is zero-numbered once, at the first quiet poll at the minimum, and again only after another pair", () => {
    const quiet: Step = { occasion: "empty-poll", desired: 1 };
    const { written } = play(
      [
        { occasion: "message", desired: 1 },
        quiet,
        quiet,
        quiet,
        { occasion: "message", desired: 3 },
        quiet,
        quiet,
      ],
      1,
    );
    expect(written.map(({ step, replicas, patchId }) => [step, replicas, patchId])).toEqual([
      [0, 1, 1],
      [1, 1, 0],
      [4, 3, 2],
      [5, 1, 3],
      [6, 1, 0],
    ]);
  });

  it("is written anew at once when the object is new or its replicas were changed by somebody", () => {
    const state = { pair: { replicas: 1, patchId: 0 }, sequence: 7 };
    const wanted = { desired: 1, minRunners: 1 };
    const settled = { applied: true, replicas: 1, driftWaits: false, alive: 1 };
    expect(decidePair("look", wanted, state, settled)).toBeUndefined();
    expect(decidePair("look", wanted, state, { ...settled, applied: false })?.pair.patchId).toBe(8);
    expect(decidePair("look", wanted, state, { ...settled, replicas: 4 })?.pair).toEqual({
      replicas: 1,
      patchId: 8,
    });
  });

  it("is written anew on an empty poll, and only then, while a runner is missing", () => {
    const state = { pair: { replicas: 3, patchId: 5 }, sequence: 5 };
    const wanted = { desired: 3, minRunners: 0 };
    const facts = { applied: true, replicas: 3, driftWaits: false, alive: 2 };
    expect(decidePair("look", wanted, state, facts)).toBeUndefined();
    expect(decidePair("empty-poll", wanted, state, facts)?.why).toBe("runner-died");
    const silent = { ...facts, alive: undefined };
    expect(decidePair("empty-poll", wanted, state, silent)).toBeUndefined();
    const converging = { ...state, pair: { replicas: 3, patchId: 0 } };
    expect(
      decidePair("empty-poll", { desired: 3, minRunners: 3 }, converging, facts),
    ).toBeUndefined();
  });

  it("never repeats a number, and settles: two empty polls write at most once more each, then nothing", () => {
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 3 }), (all, minRunners) => {
        const { written, state } = play(all, minRunners);
        const numbers = written.map(({ patchId }) => patchId).filter((id) => id !== 0);
        expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
        expect(new Set(numbers).size).toBe(numbers.length);
        const quiet: Step = { occasion: "empty-poll", desired: state.pair?.replicas ?? minRunners };
        const rest = play([quiet, quiet, quiet], minRunners, state).written;
        expect(rest.length).toBeLessThanOrEqual(state.pair ? 1 : 2);
        expect(rest.filter(({ step }) => step > 1)).toEqual([]);
      }),
    );
  });

  it("only ever carries the number 0 with the minimum, and never right after a message", () => {
    fc.assert(
      fc.property(steps, fc.integer({ min: 0, max: 3 }), (all, minRunners) => {
        for (const one of play(all, minRunners).written) {
          if (one.patchId !== 0) continue;
          expect(one.replicas).toBe(minRunners);
          expect(all[one.step]?.occasion).toBe("empty-poll");
        }
      }),
    );
  });

  it("goes on above what was used before, and wraps from 2^31 - 1 to 1", () => {
    const facts = { applied: true, replicas: 2, driftWaits: false, alive: 2 };
    const wanted = { desired: 3, minRunners: 0 };
    const pair = { replicas: 2, patchId: 41 };
    expect(decidePair("look", wanted, { pair, sequence: 41 }, facts)?.pair.patchId).toBe(42);
    expect(decidePair("look", wanted, { pair, sequence: int32Max }, facts)?.pair.patchId).toBe(1);
    expect(nextPatchId(int32Max)).toBe(1);
  });

  it("waits with nothing but putting somebody else's change right, when that is to wait", () => {
    const small = fc.integer({ min: 0, max: 3 });
    const pair = fc.record({ replicas: small, patchId: small });
    const facts = fc.record({
      applied: fc.boolean(),
      replicas: small,
      alive: fc.option(small, { nil: undefined }),
    });
    const occasion = fc.constantFrom<Occasion>("message", "empty-poll", "look");
    fc.assert(
      fc.property(occasion, small, pair, facts, (when, desired, last, seen) => {
        const decide = (driftWaits: boolean) =>
          decidePair(
            when,
            { desired, minRunners: 1 },
            { pair: last, sequence: last.patchId },
            { ...seen, driftWaits },
          );
        const atOnce = decide(false);
        const isDrift = atOnce?.why === "drift";
        expect(decide(true)).toEqual(isDrift ? undefined : atOnce);
        if (isDrift) expect([seen.applied, seen.replicas === last.replicas]).toEqual([true, false]);
      }),
    );
  });

  it("has a number that is later than all of the billion before it, wherever they began", () => {
    const number = fc.integer({ min: 1, max: int32Max });
    const stepsMax = Math.floor(int32Max / 2);
    fc.assert(
      fc.property(number, fc.integer({ min: 1, max: stepsMax }), (from, steps) => {
        const to = from + steps > int32Max ? from + steps - int32Max : from + steps;
        expect(laterPatchId(from, to)).toBe(to);
        expect(laterPatchId(to, from)).toBe(to);
        expect([from, to]).not.toContain(nextPatchId(to));
      }),
      { examples: [[int32Max, 1]] },
    );
    expect([laterPatchId(0, int32Max), laterPatchId(7, 0), laterPatchId(0, 0)]).toEqual([
      int32Max,
      7,
      0,
    ]);
  });

  // ARC's vectors that our rules must reach as well: the sequence of targets, and 0 last.
  // (cmd/ghalistener/scaler/scaler_test.go; ARC's first call has the number 0 only because it counts from -1.)
  it.each([
    { min: 1, max: int32Max, jobs: [3, 0, 0], targets: [4, 1, 1] },
    { min: 0, max: 5, jobs: [3, 0, 0], targets: [3, 0, 0] },
    { min: 1, max: 3, jobs: [3, 0, 0], targets: [3, 1, 1] },
  ])("ends like ARC's: min $min, max $max, jobs $jobs", ({ min, max, jobs, targets }) => {
    const bounds = { minRunners: min, maxRunners: max };
    const played = jobs.map((count, at): Step => ({
      occasion: at < 2 ? "message" : "empty-poll",
      desired: desiredCount(bounds, count),
    }));
    const { written } = play(played, min);
    expect(written.map(({ replicas }) => replicas)).toEqual(targets);
    expect(written.map(({ patchId }) => patchId)).toEqual([1, 2, 0]);
  });
});
