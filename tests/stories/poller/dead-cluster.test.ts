import { afterEach, describe, expect, it } from "vitest";
import { createPollerWorld, type PollerWorld } from "./poller-world.ts";

let world: PollerWorld;
afterEach(() => world.end());

const modes = ["acquire", "auto-assign"] as const;

/** A poller that watches a living and a dead cluster. */
async function servingBesideADeadOne(mode: (typeof modes)[number], on: string[]): Promise<void> {
  const clusters = ["east", "west"];
  const settings = { invocationMs: 60_000 };
  const hosting = { settings, failureNotices: true, coldStartMs: 500 };
  world = await createPollerWorld({ mode, clusters, sets: [], ...hosting });
  await world.addSet({ name: "linux", on });
  world.wake();
  await world.clock.runFor(5_000);
  world.cluster("west").api.addFault({ effect: { kind: "silence" } });
}

/** Ms of virtual time until a job that is queued now has its runner ordered in east. */
async function jobToPatchMs(): Promise<number> {
  const from = world.clock.nowMs();
  world.queue(1, { durationMs: 1_000 });
  await world.clock.runUntil(() => world.pair("linux", "east")[0] >= 1, 60_000, "the pair");
  return world.clock.nowMs() - from;
}

describe.each(modes)("a cluster that answers nobody (%s)", (mode) => {
  // A successor cannot know of a target that it has not seen whether it is there, and gives it that long to answer.
  it.each<[string, string[], number]>([
    ["with no target of the set delays no job", ["east"], 1_000],
    ["with a target of the set delays a job for one effect time-out", ["east", "west"], 10_500],
  ])("%s at a hand-over", async (_words, on, limitMs) => {
    await servingBesideADeadOne(mode, on);
    const handedOver = () => world.logged("shard_handed_over").length === 1;
    await world.clock.runUntil(handedOver, 60_000, "the hand-over");
    expect(await jobToPatchMs()).toBeLessThan(limitMs);
  });

  it("with no target of the set delays no take-over beyond the lease", async () => {
    await servingBesideADeadOne(mode, ["east"]);
    await world.clock.runFor(20_000);
    const holder = world.invocations.find(({ endedAt }) => endedAt === undefined);
    if (!holder) throw new Error("somebody serves");
    world.kill(holder);
    expect(await jobToPatchMs()).toBeLessThan(17_000);
  });
});
