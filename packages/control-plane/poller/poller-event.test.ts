import { createSeededRandom } from "@runlet/runtime/random";
import { createVirtualClock } from "@runlet/runtime/virtual-clock";
import { describe, expect, it } from "vitest";
import { parsePollerEvent, waitAfterFailures } from "./poller-event.ts";

/** Lambda's record of a failed asynchronous invocation. */
const failed = (requestPayload: unknown) => ({
  version: "1.0",
  requestContext: { condition: "RetriesExhausted", approximateInvokeCount: 1 },
  requestPayload,
  responseContext: { statusCode: 200, functionError: "Unhandled" },
});

describe("a poller", () => {
  const event = { shard: "shard-1", reason: "webhook" };

  it("is started by an event, or by the record of one that has failed, however often", () => {
    expect(parsePollerEvent(event)).toEqual({ ...event, failures: 0 });
    const first = { shard: "shard-1", reason: "failure", failures: 1 };
    expect(parsePollerEvent(failed(event))).toEqual(first);
    expect(parsePollerEvent(failed(failed(failed(event))))).toEqual({ ...first, failures: 3 });
  });
  it.each([undefined, {}, "x", { shard: "a" }, { shard: "a", reason: "whim" }, failed({})])(
    "is not started by %j",
    (input) => {
      expect(() => parsePollerEvent(input)).toThrow();
    },
  );
  it("follows the first failure at once, and later ones ever later, at most after half a minute", async () => {
    const clock = createVirtualClock();
    const deps = { clock, random: createSeededRandom(1) };
    const waits: number[] = [];
    for (let failures = 0; failures <= 12; failures++) {
      const from = clock.nowMs();
      let over = false;
      void waitAfterFailures(deps, failures).then(() => (over = true));
      await clock.runUntil(() => over, 31_000, "the turn");
      waits.push(clock.nowMs() - from);
    }
    expect(waits.slice(0, 2)).toEqual([0, 0]);
    expect(waits[2]).toBeLessThanOrEqual(100);
    expect(waits[7]).toBeGreaterThan(1_000);
    expect(waits.at(-1)).toBeGreaterThanOrEqual(15_000);
    expect(Math.max(...waits)).toBeLessThanOrEqual(30_000);
  });
});
