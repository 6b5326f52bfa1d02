// Invariant I4 without a frozen clock: a scale set was moved to another shard whose holder serves it already, while the
// old one lives and has not read the registry since. Only the two fences tell the old one to let go.
import { afterEach, describe, expect, it } from "vitest";
import { ephemeralRunnerSets } from "@runlet/kubernetes/resources";
import { createPollerWorld, type PollerWorld } from "../poller/poller-world.ts";
import { modes } from "../world/running-world.ts";

let world: PollerWorld;
afterEach(() => world.end());

const fenceOf = () => world.runnerSet().metadata.annotations?.["runlet.dev/fence"] ?? "";

async function moveRow(): Promise<void> {
  const found = await world.registry.findScaleSet(world.keys[0] ?? "");
  if (!found) throw new Error("no row");
  await world.registry.putScaleSet({ ...found.row, shard: "shard-1" }, found.version);
}

describe.each(modes)("a scale set that has moved to another shard (%s)", (mode) => {
  it("is let go by the old holder at its next checkpoint, and served by the new one at once", async () => {
    world = await createPollerWorld({
      mode,
      sets: [
        { name: "linux", shard: "shard-0" },
        { name: "arm", shard: "shard-1" },
      ],
      // The pair is settled long before the move: an empty poll has nothing to write any more.
      knobs: { holdMs: 5_000 },
    });
    const { clock } = world;
    world.wake("shard-0");
    await clock.runFor(1_000);
    world.wake("shard-1");
    // The first one reads its rows at 15 s, and then not before 35 s.
    await clock.runFor(16_000);
    await moveRow();
    const flag = { key: "flag/shard-1", version: "a-mover", value: { set: true } };
    await world.table.put(flag, { absent: true });
    const resumed = () => world.logged("session_resumed").length > 0;
    await clock.runUntil(resumed, 5_100, "the new shard's loop");
    world.queue(1, { durationMs: 1_000 });
    await clock.runUntil(() => world.pair()[0] === 1, 1_000, "the patch");
    await clock.runUntil(() => world.jobsLeft() === 0, 5_000, "the job");
    const forgotten = world.logged("scale_set_forgotten");
    expect(forgotten.map(({ shard, why }) => [shard, why])).toEqual([
      ["shard-0", "another invocation serves it"],
    ]);
    expect(fenceOf()).toMatch(/:2$/);
  });

  it("is let go by the old holder when its cluster shows a larger fence", async () => {
    world = await createPollerWorld({ mode });
    const { clock } = world;
    world.wake();
    await clock.runFor(17_000);
    await moveRow();
    // What the new holder writes first when the old one is believed dead.
    const [installation = ""] = fenceOf().split(":");
    const fence = `${installation}:1000`;
    const body = { metadata: { annotations: { "runlet.dev/fence": fence } } };
    const key = { namespace: "runners", name: "linux-east" };
    const { client } = world.cluster("east");
    await client.patch(ephemeralRunnerSets, key, { type: "merge", body });
    world.queue(1);
    await clock.runFor(3_000);
    expect([fenceOf(), ...world.pair()]).toEqual([fence, 0, 1]);
    expect(world.logged("scale_set_forgotten").length).toBe(1);
    // Nothing was acknowledged: the message waits for the new holder.
    expect(world.events.filter(({ kind }) => kind === "message-deleted")).toEqual([]);
  });
});
