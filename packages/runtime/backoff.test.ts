import fc from "fast-check";
import { expect, test } from "vitest";
import { backoffMs } from "./backoff.ts";
import { createSeededRandom, type Random } from "./random.ts";

const constant = (value: number): Random => ({ ...createSeededRandom(0), next: () => value });
const backoffs = fc.record({
  baseMs: fc.integer({ min: 1, max: 5_000 }),
  capMs: fc.integer({ min: 5_000, max: 600_000 }),
});

test("a wait lies between half and all of its step, and never beyond the cap", () => {
  fc.assert(
    fc.property(backoffs, fc.nat(2_000), fc.nat(), (backoff, attempt, seed) => {
      const ms = backoffMs(createSeededRandom(seed), backoff, attempt);
      const step = Math.min(backoff.capMs, backoff.baseMs * 2 ** attempt);
      expect(ms).toBeGreaterThanOrEqual(Math.floor(step / 2));
      expect(ms).toBeLessThanOrEqual(step);
    }),
  );
});

test("with the same chance no later wait is shorter", () => {
  const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(backoffs, fc.nat(60), chance, (backoff, attempt, next) => {
      const random = constant(next);
      const later = backoffMs(random, backoff, attempt + 1);
      expect(later).toBeGreaterThanOrEqual(backoffMs(random, backoff, attempt));
    }),
  );
});

test("many waiters do not come back together", () => {
  const random = createSeededRandom(1);
  const waits = Array.from({ length: 200 }, () => {
    return backoffMs(random, { baseMs: 1_000, capMs: 60_000 }, 3);
  });
  expect(new Set(waits).size).toBeGreaterThan(150);
});
