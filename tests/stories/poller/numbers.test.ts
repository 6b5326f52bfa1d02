// The number of an order is used once (ARC's EphemeralRunnerSet controller, and ours, act on a number once): also where
// it begins anew at 1 after 2^31 - 1, and whoever serves next finds a checkpoint or a cluster that is behind.
import { afterEach, describe, expect, it } from "vitest";
import { int32Max } from "@runlet/domain/target";
import { autoscalingRunnerSets, ephemeralRunnerSets } from "@runlet/kubernetes/resources";
import { createPollerWorld, type PollerWorld, type WorldOptions } from "./poller-world.ts";

let world: PollerWorld;
afterEach(() => world.end());

/** A set whose last order has the largest number that there is. */
async function serving(options: WorldOptions): Promise<void> {
  world = await createPollerWorld({ bootMs: 500, ...options });
  await setOrder({ patchID: int32Max - 1 });
  world.wake();
  await world.clock.runFor(4_000);
  expect(world.pair()).toEqual([0, int32Max]);
}

async function setOrder(spec: { patchID?: number; replicas?: number }): Promise<void> {
  const key = { namespace: "runners", name: "linux-east" };
  const { client } = world.cluster("east");
  await client.patch(ephemeralRunnerSets, key, { type: "merge", body: { spec } });
}

async function setMinimum(minRunners: number): Promise<void> {
  const key = { namespace: "runners", name: "linux" };
  const body = { spec: { minRunners } };
  await world.cluster("east").client.patch(autoscalingRunnerSets, key, { type: "merge", body });
}

function countOnline(): number {
  const runners = world.cluster("east").hands.runners();
  return runners.filter(({ state }) => state !== "booting").length;
}

const numbers = () => world.logged("desired_count_patched").map(({ patchId }) => patchId);

describe.each(["acquire", "auto-assign"] as const)("beyond the largest number (%s)", (mode) => {
  it("the successor of one that died before its checkpoint uses no number again", async () => {
    let strike = false;
    await serving({
      mode,
      failureNotices: true,
      onEffect({ what, phase }, _life, invocation) {
        const isOrder = /^fetch PATCH .*ephemeralrunnersets/.test(what);
        if (!strike || phase !== "after" || !isOrder) return;
        strike = false;
        world.kill(invocation);
      },
    });
    strike = true;
    await setMinimum(2);
    await world.clock.runUntil(() => world.pair()[1] === 1, 2_000, "the dead one's last order");
    await setMinimum(3);
    // A lease, a start, and runners that boot.
    await world.clock.runUntil(() => countOnline() === 3, 15_000 + 2_000 + 1_000, "the runners");
    expect(numbers()).toEqual([int32Max, 2]);
  });

  it("the successor whose watch is late uses no number again", async () => {
    await serving({ mode, settings: { invocationMs: 60_000 } });
    // It lists the clusters, waits for its turn, and hears nothing of what is written meanwhile.
    const late = { effect: { kind: "latency", ms: 20_000 }, verb: "watch" } as const;
    world.cluster("east").api.addFault({ ...late, plural: "ephemeralrunnersets" });
    await world.clock.runUntil(() => world.invocations.length === 2, 60_000, "the successor");
    await world.clock.runFor(150);
    await setOrder({ replicas: 5 });
    await world.clock.runUntil(() => world.pair()[1] === 1, 100, "the holder's last order");
    expect(world.logged("shard_taken")).toHaveLength(1);
    await world.clock.runUntil(() => world.logged("shard_taken").length === 2, 2_000, "taken over");
    await world.clock.runFor(1_000);
    world.queue(4, { durationMs: 1_000 });
    await world.clock.runUntil(() => world.jobsLeft() === 0, 6_000, "the jobs");
    expect(numbers().slice(0, 4)).toEqual([int32Max, 1, 2, 3]);
  });
});
