import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createVirtualClock } from "./virtual-clock.ts";

describe("timers", () => {
  test("fire in the order of their time, and in the order they were made within one instant", async () => {
    const clock = createVirtualClock();
    const seen: string[] = [];
    clock.after(20, () => seen.push(`c ${clock.nowMs()}`));
    clock.after(10, () => seen.push(`a ${clock.nowMs()}`));
    clock.after(10, () => seen.push(`b ${clock.nowMs()}`));
    await clock.runFor(100);
    expect(seen).toEqual(["a 10", "b 10", "c 20"]);
    expect(clock.nowMs()).toBe(100);
  });

  test("any set of timers, some cancelled before or after they fire, fires like a sorted list", async () => {
    const made = fc.array(
      fc.record({ ms: fc.integer({ min: 0, max: 50 }), cancelAt: fc.option(fc.nat(60)) }),
      { maxLength: 40 },
    );
    await fc.assert(
      fc.asyncProperty(made, async (timers) => {
        const clock = createVirtualClock();
        const fired: number[] = [];
        for (const [index, { ms, cancelAt }] of timers.entries()) {
          const cancel = clock.after(ms, () => fired.push(index));
          // A cancel in the same instant comes later than the timer, which was made before it.
          if (cancelAt !== null) clock.after(cancelAt, cancel);
        }
        await clock.runFor(100);
        const expected = [...timers.entries()]
          .filter(([, { ms, cancelAt }]) => cancelAt === null || cancelAt >= ms)
          .toSorted(([a, x], [b, y]) => x.ms - y.ms || a - b)
          .map(([index]) => index);
        expect(fired).toEqual(expected);
        expect(clock.timersCount()).toBe(0);
      }),
      { numRuns: 50 },
    );
  });

  test("what a timer starts within its instant runs before time moves on", async () => {
    const clock = createVirtualClock();
    const seen: string[] = [];
    clock.after(10, () => {
      void Promise.resolve()
        .then(() => Promise.resolve())
        .then(() => seen.push(`chain ${clock.nowMs()}`));
      clock.after(0, () => seen.push(`zero ${clock.nowMs()}`));
    });
    clock.after(11, () => seen.push(`next ${clock.nowMs()}`));
    await clock.runFor(20);
    expect(seen).toEqual(["chain 10", "zero 10", "next 11"]);
  });

  test("beyond the end of a run they wait for the next one", async () => {
    const clock = createVirtualClock();
    let fired = 0;
    clock.after(100, () => fired++);
    await clock.runFor(99);
    expect([fired, clock.timersCount()]).toEqual([0, 1]);
    await clock.runFor(1);
    expect([fired, clock.timersCount()]).toEqual([1, 0]);
  });
});

test("time stands still while a tracked call is under way", async () => {
  const clock = createVirtualClock();
  let at = -1;
  const call = clock.track(new Promise((resolve) => setTimeout(resolve, 30)));
  void call.then(() => (at = clock.nowMs()));
  clock.after(1_000, () => {});
  await clock.runFor(2_000);
  expect(at).toBe(0);
});

test("a tracked call that fails is over too, and its failure stays its caller's", async () => {
  const clock = createVirtualClock();
  const failing = clock.track(Promise.reject(new Error("lost")));
  await expect(failing).rejects.toThrow("lost");
  await clock.runFor(10);
  expect(clock.nowMs()).toBe(10);
});

test("wall time and monotonic time move together", async () => {
  const clock = createVirtualClock(1_000);
  await clock.runFor(250);
  expect([clock.nowMs(), clock.wallMs()]).toEqual([250, 1_250]);
});

test("runUntil stops at the instant the condition comes true", async () => {
  const clock = createVirtualClock();
  let done = false;
  clock.after(40, () => (done = true));
  clock.after(41, () => expect.unreachable());
  await clock.runUntil(() => done, 1_000);
  expect(clock.nowMs()).toBe(40);
});

test("runUntil gives up at its limit and says what it waited for", async () => {
  const clock = createVirtualClock();
  const waiting = clock.runUntil(() => false, 500, "a runner");
  await expect(waiting).rejects.toThrow("a runner did not come true within 500 ms (from 0 to 500)");
});

test("a loop that makes timers and lets no time pass is an error, not a test that hangs", async () => {
  const clock = createVirtualClock();
  let spinning = true;
  const spin = async () => {
    while (spinning) {
      clock.after(1_000, () => {})();
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const spun = spin();
  await expect(clock.runFor(10)).rejects.toThrow("goes round and round at 0 ms");
  spinning = false;
  await spun;
});

describe("sleep", () => {
  test("ends at its time", async () => {
    const clock = createVirtualClock();
    let at = -1;
    void clock.sleep(30).then(() => (at = clock.nowMs()));
    await clock.runFor(100);
    expect(at).toBe(30);
  });

  test("rejects with the signal's reason at once, and leaves no timer", async () => {
    const clock = createVirtualClock();
    const abort = new AbortController();
    const reason = new Error("hand-over");
    const sleeping = clock.sleep(1_000, abort.signal);
    abort.abort(reason);
    await expect(sleeping).rejects.toBe(reason);
    await expect(clock.sleep(5, abort.signal)).rejects.toBe(reason);
    expect(clock.timersCount()).toBe(0);
  });
});
