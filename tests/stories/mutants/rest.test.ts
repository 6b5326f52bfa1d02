// A resting shard hears nothing: what came while it went to sleep must be found by its own last reading, since no
// webhook and no look is near.
import { afterEach, describe, expect, it } from "vitest";
import { createPollerWorld, type PollerWorld } from "../poller/poller-world.ts";

let world: PollerWorld;
afterEach(() => world.end());

describe.each(["acquire", "auto-assign"] as const)("a shard about to rest (%s)", (mode) => {
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
