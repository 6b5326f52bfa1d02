import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { desiredCount } from "./desired-count.ts";
import { int32Max } from "./target.ts";

const anyNumber = fc.oneof(
  fc.integer({ min: -10, max: 300 }),
  fc.integer(),
  fc.double(),
  fc.constantFrom(NaN, Infinity, -Infinity, int32Max, 2 ** 53),
);

describe("the desired count", () => {
  // The columns of ARC's scaler tests (cmd/ghalistener/scaler/scaler_test.go): min, max, count → target.
  it.each([
    [0, int32Max, 0, 0],
    [0, int32Max, 1, 1],
    [1, int32Max, 0, 1],
    [1, int32Max, 2, 3],
    [1, int32Max, 3, 4],
    [0, 5, 6, 5],
    [0, 5, 5, 5],
    [0, 5, 1, 1],
    [1, 3, 0, 1],
    [1, 3, 2, 3],
    [1, 3, 4, 3],
  ])("with min %i, max %i and %i assigned jobs is %i, as in ARC", (min, max, jobs, target) => {
    expect(desiredCount({ minRunners: min, maxRunners: max }, jobs)).toBe(target);
  });

  it("is a whole number from 0 to maxRunners, whatever comes in", () => {
    fc.assert(
      fc.property(anyNumber, anyNumber, anyNumber, (minRunners, maxRunners, jobs) => {
        const count = desiredCount({ minRunners, maxRunners }, jobs);
        expect(Number.isInteger(count)).toBe(true);
        expect(count).toBeGreaterThanOrEqual(0);
        expect(count).toBeLessThanOrEqual(int32Max);
        if (maxRunners >= 0) expect(count).toBeLessThanOrEqual(maxRunners);
      }),
    );
  });

  it("never falls when a job is added, or when either bound rises", () => {
    const small = fc.integer({ min: 0, max: 500 });
    fc.assert(
      fc.property(small, small, small, small, (min, max, jobs, more) => {
        const count = desiredCount({ minRunners: min, maxRunners: max }, jobs);
        const bounds = { minRunners: min, maxRunners: max };
        expect(desiredCount(bounds, jobs + more)).toBeGreaterThanOrEqual(count);
        expect(desiredCount({ ...bounds, minRunners: min + more }, jobs)).toBeGreaterThanOrEqual(
          count,
        );
        expect(desiredCount({ ...bounds, maxRunners: max + more }, jobs)).toBeGreaterThanOrEqual(
          count,
        );
      }),
    );
  });
});
