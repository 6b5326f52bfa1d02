import { expect, test } from "vitest";
import { createSystemClock } from "./clock.ts";

const clock = createSystemClock();

test("the system clock sleeps about as long as it is told, and never less", async () => {
  const started = clock.nowMs();
  await clock.sleep(20);
  // Timers are in whole milliseconds and may be early by the fraction.
  expect(clock.nowMs() - started).toBeGreaterThanOrEqual(19);
});

test("a cancelled timer does not run, and a delay beyond 24 days does not run at once", async () => {
  let runs = 0;
  const cancel = clock.after(1, () => runs++);
  const cancelLong = clock.after(Number.MAX_SAFE_INTEGER, () => runs++);
  cancel();
  await clock.sleep(20);
  cancelLong();
  expect(runs).toBe(0);
});

test("wall time is milliseconds since 1970", () => {
  expect(Math.abs(clock.wallMs() - Date.now())).toBeLessThan(1_000);
});
