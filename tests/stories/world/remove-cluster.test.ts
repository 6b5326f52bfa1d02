// Why: a cluster is taken away on a working day. Whoever does it is told what is still in it, jobs that run there end there,
// new ones begin elsewhere, and only an empty cluster is forgotten.
import { createMemoryTable } from "@runlet/coordination/memory-table";
import { removeCluster } from "@runlet/runlet/commands/cluster-remove";
import type { Values } from "@runlet/runlet/commands/verbs";
import type { ScaleSetPlan } from "@runlet/runlet/world/plan-scenario";
import { runUntilEnded } from "@runlet/runlet/world/virtual-world";
import { describe, expect, it } from "vitest";
import { placeOfWorld } from "./place-of-world.ts";
import { linux, modes, startWorld } from "./running-world.ts";

const shared: ScaleSetPlan = { ...linux, clusters: ["east", "west"] };

/** A world with jobs of twenty seconds in both clusters, and `cluster remove east` in it. */
async function start(mode: (typeof modes)[number]) {
  const table = createMemoryTable();
  const world = await startWorld({ mode, scaleSets: [shared], table });
  const place = placeOfWorld(world, table);
  world.queue("linux", { count: 4, durationMs: 20_000 });
  await world.until(
    () => world.runnersIn("east", "linux") === 2 && world.runnersIn("west", "linux") === 2,
    5_000,
    "two runners in each cluster",
  );
  await world.clock.runFor(1_000);
  const told: string[] = [];
  const remove = (values: Values) =>
    removeCluster.run({
      names: ["east"],
      values,
      tell: (line) => void told.push(line),
      open: async () => place,
    });
  const registered = async () =>
    (await (await place.registry()).listClusters()).map(({ row }) => row.name).toSorted();
  return { world, told, remove, registered };
}

describe.each(modes)("runlet cluster remove, in %s mode", (mode) => {
  it("warns of runners, lets their jobs end, sends new ones elsewhere, and then forgets it", async () => {
    const { world, told, remove, registered } = await start(mode);
    const removing = remove({});
    await world.clock.runFor(3_000);
    expect(told).toEqual([
      expect.stringMatching(/cluster east has 2 runners: it gets no new ones/),
    ]);
    const before = world.recorder.clusterSplit().get("east") ?? 0;
    world.queue("linux", { count: 3, durationMs: 1_000 });
    const answer = await runUntilEnded(world.clock, removing, 40_000, "the removal");
    expect(answer).toMatchObject({ json: { removed: true } });
    expect(answer.failed).toBeUndefined();
    expect(told.at(-1)).toBe("cluster east: 0 runners left");
    expect(world.recorder.clusterSplit().get("east")).toBe(before);
    expect(await registered()).toEqual(["west"]);
    await world.jobsEnd(20_000);
    await world.stop();
  });

  it("gives up after its limit with the runners named, and is taken back with --cancel", async () => {
    const { world, remove, registered } = await start(mode);
    world.queue("linux", { count: 4, durationMs: 120_000 });
    await world.clock.runFor(3_000);
    const answer = await runUntilEnded(
      world.clock,
      remove({ "limit-minutes": "1" }),
      90_000,
      "the limit",
    );
    expect(answer).toMatchObject({
      failed: true,
      text: expect.stringMatching(/^cluster east still has \d runners after 1 minute,/),
      json: { removed: false },
    });
    expect(await registered()).toEqual(["east", "west"]);
    const back = await runUntilEnded(world.clock, remove({ cancel: true }), 5_000, "the way back");
    expect(back.text).toBe("cluster east is served again");
    await world.jobsEnd(200_000);
    await world.endClean();
  });
});
