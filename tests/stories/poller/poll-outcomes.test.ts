// However the service answers a poll, the answer is counted under its name, and the shard goes on.
import { afterEach, describe, expect, it } from "vitest";
import type { Fault } from "@runlet/simulators/actions-service/faults";
import { createPollerWorld, type PollerWorld } from "./poller-world.ts";

let world: PollerWorld;
afterEach(() => world.end());

const ways: [string, Omit<Fault, "route">, string][] = [
  ["500", { status: 500 }, "server-error"],
  ["429", { status: 429, retryAfter: "1" }, "rate-limited"],
  ["a cut connection", { drop: "before" }, "unreachable"],
  ["bad JSON", { answer: "broken-json" }, "unreadable"],
  ["silence", { hang: true }, "timed-out"],
];

describe.each(["acquire", "auto-assign"] as const)("a poll (%s)", (mode) => {
  it.each(ways)(
    "that is answered with %s is counted by its reason, once",
    async (_n, how, reason) => {
      world = await createPollerWorld({ mode });
      world.wake();
      await world.clock.runFor(5_000);
      world.service.control.addFault({ route: "poll", times: 1, ...how });
      // The open poll is answered by the job; the fault hits the next one.
      world.queue(1, { durationMs: 1_000 });
      await world.clock.runFor(150_000);
      const counted = world.logged("counted");
      const failed = counted.filter((line) => line["metric"] === "failed-polls");
      expect(failed).toMatchObject([{ by: 1, reason }]);
      const names = new Set(counted.map((line) => line["metric"]));
      expect([names.has("messages"), names.has("empty-polls")]).toEqual([true, true]);
      expect(world.invocations.map(({ endedAt }) => endedAt)).toEqual([undefined]);
      expect(world.jobsLeft()).toBe(0);
    },
  );
});
