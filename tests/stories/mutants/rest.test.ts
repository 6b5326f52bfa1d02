// A resting shard hears nothing: what came while it went to sleep must be found by its own last reading, since no
// webhook and no look is near.
import { afterEach, describe, expect, it } from "vitest";
import { createPollerWorld, type PollerWorld } from "../poller/poller-world.ts";
import { modes } from "../world/running-world.ts";

let world: PollerWorld;
afterEach(() => world.end());

describe.each(modes)("a shard about to rest (%s)", (mode) => {
  it("stays for a job that its last reading of the tally, or its last poll, shows", async () => {
    let armed = false;
    world = await createPollerWorld({
      mode,
      settings: { restAfterMs: 60_000, lookEveryMs: 30 * 60_000 },
      onEffect({ what, phase }) {
        // Turns are closed by now: the message of this job is not acted on. Of a server that assigns by itself
        // the tally does not show it yet; then the message alone tells of it.
        if (!armed || phase !== "before" || !/^fetch PATCH .*\/sessions\//.test(what)) return;
        armed = false;
        world.queue(1, { durationMs: 1_000 });
      },
    });
    world.wake();
    await world.clock.runFor(5_000);
    armed = true;
    await world.clock.runUntil(() => !armed, 5 * 60_000, "the last reading");
    await world.clock.runUntil(() => world.pair()[0] === 1, 1_000, "the patch");
    await world.clock.runUntil(() => world.jobsLeft() === 0, 10_000, "the job");
    expect(world.logged("shard_rests")).toEqual([]);
  });
});

// In acquire mode alone: a server that assigns by itself assigns to open polls, so its tally shows nothing here.
describe("a shard about to rest while no poll is open (acquire)", () => {
  it("stays for a job that only its last reading of the tally shows", async () => {
    let armed = false;
    world = await createPollerWorld({
      mode: "acquire",
      settings: { restAfterMs: 60_000, lookEveryMs: 30 * 60_000 },
      onEffect({ what, phase }) {
        if (!armed || phase !== "before" || !/^fetch PATCH .*\/sessions\//.test(what)) return;
        armed = false;
        world.service.control.clearFaults();
        world.queue(1, { durationMs: 1_000 });
      },
    });
    world.wake();
    await world.clock.runFor(5_000);
    // The first poll ends by itself; the next one is never answered, and given up after 65 s.
    world.service.control.addFault({ route: "poll", hang: true, times: 5 });
    armed = true;
    await world.clock.runUntil(() => !armed, 5 * 60_000, "the last reading");
    await world.clock.runUntil(() => world.pair()[0] === 1, 15_000, "the patch");
    expect(world.logged("shard_rests")).toEqual([]);
  });
});
