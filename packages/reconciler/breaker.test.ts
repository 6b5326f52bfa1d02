import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  afterFailure,
  afterTrial,
  closedBreaker,
  creatable,
  createBreakers,
  type BreakerState,
} from "./breaker.ts";

const rules = { opensAfter: 3, backoff: { baseMs: 30_000, capMs: 900_000 } };
const at = (nowMs: number) => ({ nowMs, wallMs: nowMs });
const failTimes = (count: number, nowMs: number) => {
  let state = closedBreaker;
  for (let i = 0; i < count; i++) state = afterFailure(state, at(nowMs), rules);
  return state;
};

describe("the breaker", () => {
  it("opens at the third failure, for half a minute, however many more there are", () => {
    expect(creatable(failTimes(2, 0), 0)).toBe(Number.POSITIVE_INFINITY);
    for (const count of [3, 10, 1_000]) {
      const state = failTimes(count, 0);
      expect(creatable(state, 29_999)).toBe(0);
      expect(creatable(state, 30_000)).toBe(1);
    }
  });

  it("lets one through at a time, ever more rarely, never less than every quarter of an hour", () => {
    let state: BreakerState = failTimes(3, 0);
    const trials: number[] = [];
    for (let now = 0; now < 4 * 3_600_000; now += 1_000) {
      if (creatable(state, now) === 0) continue;
      trials.push(now);
      state = afterTrial(state, at(now), rules);
      state = afterFailure(state, at(now + 1), rules);
    }
    const gaps = trials.slice(1).map((one, index) => one - (trials[index] ?? 0));
    expect(gaps.every((gap, index) => index === 0 || gap >= (gaps[index - 1] ?? 0))).toBe(true);
    expect(Math.max(...gaps)).toBe(900_000);
  });

  it("never makes more than one a round while it has not closed", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(100_000), { maxLength: 50 }), (steps) => {
        let now = 0;
        let state = failTimes(3, 0);
        for (const step of steps) {
          now += step;
          expect(creatable(state, now)).toBeLessThanOrEqual(1);
          if (creatable(state, now) === 1) state = afterTrial(state, at(now), rules);
        }
      }),
    );
  });

  it("keeps the cluster's refusal through the successes of other runners, and no longer than told", () => {
    const breakers = createBreakers(rules);
    breakers.refused("a", 30_000);
    breakers.succeeded("a");
    expect(creatable(breakers.of("a"), 29_999)).toBe(0);
    expect(creatable(breakers.of("a"), 30_000)).toBe(Number.POSITIVE_INFINITY);
    expect(creatable(breakers.of("b"), 0)).toBe(Number.POSITIVE_INFINITY);
  });

  it("takes up what an earlier process left, once, and begins anew with another template", () => {
    const breakers = createBreakers(rules);
    breakers.learn("a", "t1", () => failTimes(3, 0));
    expect(creatable(breakers.of("a"), 29_999)).toBe(0);
    breakers.succeeded("a");
    breakers.learn("a", "t1", () => failTimes(3, 0));
    expect(creatable(breakers.of("a"), 0)).toBe(Number.POSITIVE_INFINITY);
    for (let failure = 0; failure < 3; failure++) breakers.failed("a", at(0));
    expect(creatable(breakers.of("a"), 0)).toBe(0);
    breakers.learn("a", "t2", () => failTimes(3, 0));
    expect(creatable(breakers.of("a"), 0)).toBe(Number.POSITIVE_INFINITY);
  });

  it("forgets no failure that came before its set was looked at", () => {
    const breakers = createBreakers(rules);
    for (let failure = 0; failure < 3; failure++) breakers.failed("a", at(0));
    breakers.learn("a", "t1", () => closedBreaker);
    expect(creatable(breakers.of("a"), 0)).toBe(0);
  });
});
