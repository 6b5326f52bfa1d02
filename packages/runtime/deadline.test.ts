import { expect, test } from "vitest";
import { DeadlineExceeded, withDeadline } from "./deadline.ts";
import { createVirtualClock } from "./virtual-clock.ts";

const never = () => new Promise<never>(() => {});

async function failureOf(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => "it succeeded",
    (error: unknown) => error,
  );
}

test("an answer in time is the answer, and nothing is left behind", async () => {
  const clock = createVirtualClock();
  const call = withDeadline(clock, 100, undefined, async () => {
    await clock.sleep(50);
    return "answer";
  });
  await clock.runFor(60);
  expect([await call, clock.timersCount()]).toEqual(["answer", 0]);
});

test("a call that ignores its signal ends at the limit all the same", async () => {
  const clock = createVirtualClock();
  let at = -1;
  const failed = failureOf(withDeadline(clock, 100, undefined, never));
  void failed.then(() => (at = clock.nowMs()));
  await clock.runFor(200);
  const error = await failed;
  expect([error instanceof DeadlineExceeded, at]).toEqual([true, 100]);
  expect(String(error)).toBe("DeadlineExceeded: no answer within 100 ms");
});

test("the call's signal carries the limit as its reason", async () => {
  const clock = createVirtualClock();
  let reason: unknown;
  const failed = failureOf(
    withDeadline(clock, 100, undefined, (signal) => {
      signal.addEventListener("abort", () => (reason = signal.reason));
      return never();
    }),
  );
  await clock.runFor(100);
  expect(await failed).toBe(reason);
});

test("the outer signal's reason comes through, before and during the call", async () => {
  const clock = createVirtualClock();
  const abort = new AbortController();
  const during = failureOf(withDeadline(clock, 100, abort.signal, never));
  const reason = new Error("hand-over");
  abort.abort(reason);
  expect(await during).toBe(reason);
  let called = false;
  const before = withDeadline(clock, 100, abort.signal, async () => {
    called = true;
  });
  expect([await failureOf(before), called]).toEqual([reason, false]);
  expect(clock.timersCount()).toBe(0);
});

test("the call's own failure is not touched", async () => {
  const clock = createVirtualClock();
  const failure = new Error("refused");
  const call = withDeadline(clock, 100, undefined, () => Promise.reject(failure));
  expect(await failureOf(call)).toBe(failure);
});
