import type { PollerEvent } from "@runlet/coordination/invoker";
import { createSilentLog } from "@runlet/runtime/log";
import { createSeededRandom } from "@runlet/runtime/random";
import { createVirtualClock } from "@runlet/runtime/virtual-clock";
import { expect, it } from "vitest";
import { followFailure } from "./follow-failure.ts";

it("a poller that fails is followed at once, and each one after it later, at most every half minute", async () => {
  const clock = createVirtualClock();
  const invoked: { event: PollerEvent; at: number }[] = [];
  const invoker = {
    invoke: async (event: PollerEvent) => void invoked.push({ event, at: clock.nowMs() }),
  };
  const deps = { clock, random: createSeededRandom(1), log: createSilentLog(), invoker };
  const waits: number[] = [];
  let event: PollerEvent = { shard: "shard-1", reason: "webhook" };
  for (let round = 1; round <= 12; round++) {
    const from = clock.nowMs();
    // What has failed is the event that was sent last.
    const followed = followFailure(deps, event);
    await clock.runUntil(() => invoked.length === round, 31_000, "the successor");
    await followed;
    ({ event } = invoked.at(-1) ?? { event });
    expect(event).toEqual({ shard: "shard-1", reason: "failure", failures: round });
    waits.push(clock.nowMs() - from);
  }
  expect(waits[0]).toBe(0);
  expect(waits[1]).toBeLessThanOrEqual(100);
  expect(waits[6]).toBeGreaterThan(1_000);
  expect(Math.max(...waits)).toBeLessThanOrEqual(30_000);
  expect(waits.at(-1)).toBeGreaterThanOrEqual(15_000);
});
