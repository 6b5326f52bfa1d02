import { createMemoryTable } from "@runlet/coordination/memory-table";
import { removeCluster } from "@runlet/runlet/commands/cluster-remove";
import type { Values } from "@runlet/runlet/commands/verbs";
import type { ScaleSetPlan } from "@runlet/runlet/world/plan-scenario";
import { runUntilEnded } from "@runlet/runlet/world/virtual-world";
import { describe, expect, it } from "vitest";
import { placeOfWorld } from "./place-of-world.ts";
import { linux, modes, startWorld } from "./running-world.ts";

const shared: ScaleSetPlan = { ...linux, clusters: ["east", "west"], minRunners: 1 };

async function start(mode: (typeof modes)[number], plan: ScaleSetPlan) {
  const table = createMemoryTable();
  const world = await startWorld({ mode, scaleSets: [plan], table });
  const place = placeOfWorld(world, table);
  const told: string[] = [];
  /** `runlet cluster remove east …` */
  const remove = (values: Values = {}) => {
    const call = { names: ["east"], values, tell: (line: string) => void told.push(line) };
    return removeCluster.run({ ...call, open: async () => place });
  };
  const cancel = () =>
    runUntilEnded(world.clock, remove({ cancel: true }), 1_000, "the removal to be taken back");
  return { world, place, told, remove, cancel };
}

describe.each(modes)("a cluster that is being removed, in %s mode", (mode) => {
  it("keeps the runners with a job to their end, gets no new ones, and the other one takes the jobs", async () => {
    const { world, place, told, remove } = await start(mode, shared);
    const east = () => world.runnersIn("east", "linux");
    const done = () => world.service.control.ledger().counts.completed;
    world.queue("linux", { count: 4, durationMs: 15_000 });
    await world.until(() => east() >= 2, 10_000, "runners in both");
    await world.clock.runFor(3_000);
    const held = east();
    const removed = remove();
    await world.clock.runFor(8_000);
    // Nothing has ended yet: at most the idle one is gone.
    expect(done()).toBe(0);
    expect(east()).toBeGreaterThanOrEqual(held - 1);
    world.queue("linux", { count: 4, durationMs: 500 });
    await world.until(() => east() === 0, 20_000, "an empty east");
    const { json } = await runUntilEnded(world.clock, removed, 10_000, "the removal");
    expect(json).toEqual({ cluster: "east", removed: true });
    expect(told[0]).toContain(`cluster east has ${held} runners: it gets no new ones`);
    expect(told.at(-1)).toBe("cluster east: 0 runners left");
    await world.jobsEnd(20_000);
    world.queue("linux", { count: 4, durationMs: 2_000 });
    await world.jobsEnd(20_000);
    expect(east()).toBe(0);
    const rows = (await (await place.registry()).listClusters()).map(({ row }) => row.name);
    expect(rows).toEqual(["west"]);
    expect(world.service.control.scaleSets()).toHaveLength(1);
    await world.stop();
  });

  it("is not removed while a job runs longer than one would wait, and says how to go on", async () => {
    const { world, remove, cancel } = await start(mode, linux);
    world.queue("linux", { count: 1, durationMs: 90_000 });
    await world.until(() => world.runnersIn("east", "linux") === 1, 10_000, "a runner");
    await world.clock.runFor(2_000);
    const ended = remove({ "limit-minutes": "1" });
    const { failed, text } = await runUntilEnded(world.clock, ended, 70_000, "the removal");
    expect([failed, text]).toEqual([
      true,
      expect.stringMatching(/still has 1 runner .*--now or --cancel/),
    ]);
    await cancel();
    await world.jobsEnd(60_000);
    world.queue("linux", { count: 1 });
    await world.jobsEnd(20_000);
    await world.endClean();
  });

  it("is emptied of its idle runners when it is the only one, and gets none afterwards", async () => {
    const { world, remove } = await start(mode, { ...linux, minRunners: 2 });
    const east = () => world.runnersIn("east", "linux");
    await world.until(() => east() === 2, 10_000, "two idle runners");
    await runUntilEnded(world.clock, remove(), 20_000, "the removal");
    expect(east()).toBe(0);
    world.queue("linux", { count: 1 });
    await world.clock.runFor(10_000);
    expect(east()).toBe(0);
    await world.stop();
  });
});
