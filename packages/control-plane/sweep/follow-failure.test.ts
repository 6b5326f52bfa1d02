import type { PollerEvent } from "@runlet/coordination/invoker";
import { createSilentLog } from "@runlet/runtime/log";
import { createSeededRandom } from "@runlet/runtime/random";
import { createVirtualClock } from "@runlet/runtime/virtual-clock";
import { expect, it } from "vitest";
import { followFailure, parseFailure } from "./follow-failure.ts";

/** Lambda's record of a failed asynchronous invocation. */
const failed = (requestPayload: unknown) => ({
  version: "1.0",
  requestContext: { condition: "RetriesExhausted", approximateInvokeCount: 1 },
  requestPayload,
  responseContext: { statusCode: 200, functionError: "Unhandled" },
});
const event: PollerEvent = { shard: "shard-1", reason: "webhook" };

it("the sweep knows a poller's failure from its own schedule", () => {
  expect(parseFailure(failed(event))).toEqual(event);
  expect(parseFailure({ source: "aws.scheduler" })).toBeUndefined();
  expect(parseFailure({})).toBeUndefined();
  expect(() => parseFailure(failed({ shard: 1 }))).toThrow();
});

it("a shard whose pollers all fail is tried seven times within ten seconds, the second time at once", async () => {
  const clock = createVirtualClock();
  const starts: number[] = [];
  let next: PollerEvent | undefined = event;
  const invoker = {
    async invoke(started: PollerEvent) {
      starts.push(clock.nowMs());
      next = started;
    },
  };
  const deps = { clock, random: createSeededRandom(1), log: createSilentLog(), invoker };
  const results: string[] = [];
  async function fail(): Promise<void> {
    while (next) {
      const one = next;
      next = undefined;
      results.push(await followFailure(deps, one));
    }
  }
  let over = false;
  void fail().then(() => (over = true));
  await clock.runUntil(() => over, 10_000, "the chain's end");
  expect(results).toEqual([...Array<string>(6).fill("followed"), "left"]);
  expect(starts[0]).toBe(0);
  expect(starts[5]).toBeGreaterThan(500);
});
