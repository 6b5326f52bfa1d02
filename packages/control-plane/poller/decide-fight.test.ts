import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mayPutRightAt, nextFight, noFight, type Fight } from "./decide-fight.ts";

/** Somebody resets a target at these instants (ms); who serves it sees each at once. Returns when each was put right. */
function play(resets: readonly number[]): number[] {
  const righted: number[] = [];
  let fight: Fight = noFight;
  for (const at of resets.toSorted((a, b) => a - b)) {
    // What was put right after it, or waits to be: this one is overwritten with it.
    if ((righted.at(-1) ?? -1) >= at) continue;
    const now = Math.max(at, mayPutRightAt(fight));
    righted.push(now);
    fight = nextFight(fight, now);
  }
  return righted;
}

const instants = fc.array(fc.integer({ min: 0, max: 600_000 }), { minLength: 1, maxLength: 300 });

describe("a fight over replicas", () => {
  it("is answered at once, after a second, two, four and so on, and every half minute in the end", () => {
    const eachTenth = Array.from({ length: 1_300 }, (_, index) => index * 100);
    const righted = play(eachTenth).map((ms) => ms / 1_000);
    expect(righted).toEqual([0, 1, 3, 7, 15, 31, 61, 91, 121, 151]);
  });

  it("leaves no reset for longer than half a minute, and is forgotten after a quiet one", () => {
    fc.assert(
      fc.property(instants, (resets) => {
        const righted = play(resets);
        for (const at of resets) {
          const next = righted.find((one) => one >= at) ?? Infinity;
          expect(next - at).toBeLessThanOrEqual(30_000);
          const before = righted.findLast((one) => one < at) ?? -Infinity;
          if (at - before >= 60_000) expect(next).toBe(at);
        }
      }),
    );
  });

  it("costs at most six patches a minute, however often somebody resets", () => {
    fc.assert(
      fc.property(instants, (resets) => {
        const righted = play(resets);
        for (const from of righted) {
          const within = righted.filter((one) => one >= from && one < from + 60_000);
          expect(within.length).toBeLessThanOrEqual(6);
        }
      }),
    );
  });
});
