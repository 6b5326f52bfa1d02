// A job that waits and cannot be had is asked for again later each time (I21, I26).
import { afterEach, describe, expect, it } from "vitest";
import { createPollerWorld, type PollerWorld } from "./poller-world.ts";

let world: PollerWorld;
afterEach(() => world.end());

const asked = () =>
  world.service.control.requests().filter(({ route }) => /acquir/i.test(String(route))).length;

describe("a job that the tally shows as waiting", () => {
  it.each([
    ["and that acquiring never brings", { acquireAtMost: 0 }, {}, 20],
    ["and that no list names", {}, { status: 204 }, 15],
    ["on a host without the list", {}, { status: 404 }, 1],
  ])("%s is asked for a few times a minute", async (_why, knobs, list, most) => {
    world = await createPollerWorld({
      mode: "acquire",
      knobs: { requestsKept: 100_000, ...knobs },
    });
    world.wake();
    await world.clock.runFor(5_000);
    const { control } = world.service;
    control.addFault({ route: "acquireJobs", status: 500, times: 1 });
    if ("status" in list) control.addFault({ route: "acquirableJobs", times: 100_000, ...list });
    world.queue(1);
    await world.clock.runFor(60_000);
    const first = asked();
    await world.clock.runFor(60_000);
    expect(first).toBeGreaterThan(1);
    expect(first).toBeLessThanOrEqual(most + 12);
    expect(asked() - first).toBeLessThanOrEqual(most);
  });
});
