import { describe, expect, it } from "vitest";
import type { Clock } from "@runlet/runtime/clock";
import type { Fetch } from "@runlet/runtime/fetch";
import { createVirtualClock } from "@runlet/runtime/virtual-clock";
import { createTerm, LeadershipLost } from "./leader-term.ts";

const answer: Fetch = async () => new Response("done");
const gentle = new AbortController().signal;
const leaseMs = 10_000;

describe("a term", () => {
  it("lets nothing begin after four fifths of the lease, though no timer has run yet", async () => {
    let nowMs = 0;
    // A process that was frozen has read the answer of one call before its timers fire.
    const clock: Clock = { ...createVirtualClock(), nowMs: () => nowMs, after: () => () => {} };
    const term = createTerm(clock, { fromMs: 0, leaseMs, gentle });
    const fetch = term.guard(answer);
    nowMs = 8_000;
    expect(await (await fetch("http://any")).text()).toBe("done");
    nowMs = 8_001;
    await expect(fetch("http://any")).rejects.toThrow(LeadershipLost);
    term.extend(8_000);
    expect((await fetch("http://any")).ok).toBe(true);
  });

  it("ends with the lease, counted from before its last write, and cuts what is under way", async () => {
    const clock = createVirtualClock();
    const term = createTerm(clock, { fromMs: 0, leaseMs, gentle });
    await clock.runFor(5_000);
    term.extend(4_000);
    const hanging = term.guard((_url, init) => {
      return new Promise((_resolve, reject) => {
        init?.signal?.addEventListener("abort", () => reject(init.signal?.reason as Error));
      });
    });
    const call = expect(hanging("http://any")).rejects.toThrow("the lease ran out");
    await clock.runFor(8_999);
    expect(term.stop.aborted).toBe(false);
    await clock.runFor(1);
    expect(term.stop.aborted).toBe(true);
    await call;
    expect(clock.timersCount()).toBe(0);
  });

  it("lets its work end gently", () => {
    const clock = createVirtualClock();
    const stop = new AbortController();
    const term = createTerm(clock, { fromMs: 0, leaseMs, gentle: stop.signal });
    stop.abort();
    expect([term.stop.aborted, term.over.aborted]).toEqual([true, false]);
    term.end("released");
    expect([term.over.aborted, clock.timersCount()]).toEqual([true, 0]);
  });
});
