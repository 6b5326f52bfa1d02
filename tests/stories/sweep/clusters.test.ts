// The sweep asks every cluster, and one that hangs must cost neither the shards that nobody serves nor the next sweep;
// clusters that suddenly show nothing must not cost every scale set at once.
import { cloudSettings } from "@runlet/runtime/settings";
import { expect, it } from "vitest";
import { createSweepWorld, rowOf } from "./sweep-world.ts";

async function createWorldOf(clusters: readonly string[]) {
  const world = await createSweepWorld();
  for (const name of clusters) {
    await world.addCluster(name);
    await world.registry.putCluster({ name, accessRef: name }, undefined);
  }
  return world;
}

it("a sweep wakes who is not served within a second, although a cluster hangs, and ends in time", async () => {
  const world = await createWorldOf(["east"]);
  await world.addSet("linux", true);
  world.clusters.get("east")?.setFaults([{ effect: { kind: "silence" } }]);
  const startedAt = world.clock.nowMs();
  await world.sweep(35_000);
  expect(world.invoked).toMatchObject([{ shard: "shard-0" }]);
  expect((world.invoked[0]?.at ?? Infinity) - startedAt).toBeLessThan(1_000);
  expect(world.of("clusters-silent")).toEqual([["east", 1]]);
  expect(world.of("scale-sets"), "what a silent cluster may have stays").toEqual([1]);
});

it("a cluster whose every answer comes just in time is silent after twice the time of a call", async () => {
  const world = await createWorldOf(["east"]);
  await world.addSet("linux", true);
  world.clusters.get("east")?.setFaults([{ effect: { kind: "latency", ms: 9_000 } }]);
  const startedAt = world.clock.nowMs();
  await world.sweep(35_000);
  expect(world.of("clusters-silent")).toEqual([["east", 1]]);
  // Its version is asked for as well, in 9 s.
  expect(world.clock.nowMs() - startedAt).toBeLessThanOrEqual(30_000);
  expect(world.lines).toContainEqual(
    expect.objectContaining({ event: "cluster_answers_but_refuses" }),
  );
});

it("of 25 shared scale sets that no cluster shows any more, ten are deleted a sweep", async () => {
  const world = await createWorldOf(["east"]);
  for (let n = 0; n < 25; n++) {
    const id = await world.addSet(`set-${n}`, false);
    await world.registry.putScaleSet({ ...rowOf(`set-${n}`, id), shared: true }, undefined);
  }
  const left = () => world.service.control.scaleSets().length;
  const counts: number[] = [];
  for (let minute = 0; minute < 3; minute++) {
    await world.sweep();
    counts.push(left());
  }
  expect(counts).toEqual([15, 5, 0]);
  expect(world.of("scale-sets")).toEqual([0]);
});

it.each(["its cluster", "GitHub", "both"])(
  "a sweep ends before the next one is due, although %s hangs at every call",
  async (what) => {
    const world = await createWorldOf(["east"]);
    for (let n = 0; n < 15; n++) {
      const id = await world.addSet(`set-${n}`, false);
      await world.registry.putScaleSet({ ...rowOf(`set-${n}`, id), shared: true }, undefined);
    }
    if (what !== "GitHub") world.clusters.get("east")?.setFaults([{ effect: { kind: "silence" } }]);
    if (what !== "its cluster") {
      world.service.control.addFault({ route: "*", times: 10_000, hang: true });
    }
    const startedAt = world.clock.nowMs();
    await world.sweep(60_000);
    expect(world.clock.nowMs() - startedAt).toBeLessThan(cloudSettings.sweepEveryMs);
    expect(world.invoked.length, "the unserved shard is woken").toBeGreaterThan(0);
    expect(world.of("scale-sets"), "nothing is taken for deleted").toEqual([15]);
    expect(world.service.control.scaleSets()).toHaveLength(15);
  },
);
