import { describe, expect, it } from "vitest";
import { afterFailure, afterTrial, closedBreaker, creatable } from "./breaker.ts";
import { formatBreaker, parseBreaker } from "./breaker-note.ts";

const rules = { opensAfter: 3, backoff: { baseMs: 30_000, capMs: 900_000 } };
const wall = Date.parse("2026-01-01T00:00:00Z");
/** The process that reads has another monotonic clock than the one that wrote. */
const atWrite = (ms: number) => ({ nowMs: 5_000_000 + ms, wallMs: wall + ms });
const atRead = (ms: number) => ({ nowMs: 100 + ms, wallMs: wall + ms });

function openFor(rounds: number) {
  let state = closedBreaker;
  for (let failure = 0; failure < 3; failure++) state = afterFailure(state, atWrite(0), rules);
  for (let round = 1; round < rounds; round++) state = afterTrial(state, atWrite(0), rules);
  return state;
}

describe("what stands of a breaker on its set", () => {
  it("opens it again in the next process, for what is left of its time", () => {
    const text = formatBreaker(openFor(3), "t1");
    const state = parseBreaker(text, "t1", atRead(50_000), rules);
    // 30 s, doubled twice.
    expect(creatable(state, atRead(119_999).nowMs)).toBe(0);
    expect(creatable(state, atRead(120_000).nowMs)).toBe(1);
    expect(formatBreaker(state, "t1")).toBe(text);
  });

  it("is nothing while it is closed", () => {
    expect(formatBreaker(closedBreaker, "t1")).toBeUndefined();
    expect(formatBreaker(afterFailure(closedBreaker, atWrite(0), rules), "t1")).toBeUndefined();
  });

  it("says nothing of another template", () => {
    const text = formatBreaker(openFor(3), "t1");
    expect(parseBreaker(text, "t2", atRead(0), rules)).toEqual(closedBreaker);
  });

  it("that somebody else wrote does not hold for longer than a breaker may", () => {
    const nonsense = [
      undefined,
      "",
      "{}",
      '{"rounds":3}',
      '{"rounds":0,"since":"x","template":"t"}',
    ];
    for (const text of [...nonsense, '{"rounds":3,"since":"never","template":"t"}'])
      expect(parseBreaker(text, "t", atRead(0), rules)).toEqual(closedBreaker);
    const future = '{"rounds":9999,"since":"2999-01-01T00:00:00Z","template":"t"}';
    const state = parseBreaker(future, "t", atRead(0), rules);
    expect(creatable(state, atRead(900_000).nowMs)).toBe(1);
  });
});
