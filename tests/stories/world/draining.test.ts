import { createMemoryTable } from "@runlet/coordination/memory-table";
import { createRegistry } from "@runlet/coordination/registry";
import type { Table } from "@runlet/coordination/table";
import type { ScaleSetPlan } from "@runlet/runlet/world/plan-scenario";
import { runUntilEnded } from "@runlet/runlet/world/virtual-world";
import { createSilentLog } from "@runlet/runtime/log";
import { createSeededRandom } from "@runlet/runtime/random";
import { describe, expect, it } from "vitest";
import { linux, modes, startWorld, type RunningWorld } from "./running-world.ts";

const shared: ScaleSetPlan = { ...linux, clusters: ["east", "west"], minRunners: 1 };

/** As `runlet cluster remove` does it, and `--cancel`. */
function setDraining(world: RunningWorld, table: Table, name: string, draining: boolean) {
  const { clock } = world;
  const registry = createRegistry({
    table,
    clock,
    random: createSeededRandom(7),
    log: createSilentLog(),
  });
  const change = async () => {
    const found = (await registry.listClusters()).find(({ row }) => row.name === name);
    if (!found) throw new Error(`there is no ${name}`);
    const { draining: _, ...row } = found.row;
    await registry.putCluster(draining ? { ...row, draining } : row, found.version);
  };
  return runUntilEnded(clock, change(), 1_000, "the row of the cluster");
}

async function start(mode: (typeof modes)[number], plan: ScaleSetPlan) {
  // Nothing in it expires while the story lasts.
  const table = createMemoryTable(() => 0);
  const world = await startWorld({ mode, scaleSets: [plan], table });
  return { world, drain: (on: boolean) => setDraining(world, table, "east", on) };
}

describe.each(modes)("a cluster that is being removed, in %s mode", (mode) => {
  it("keeps the runners with a job to their end, gets no new ones, and the other one takes the jobs", async () => {
    const { world, drain } = await start(mode, shared);
    const east = () => world.runnersIn("east", "linux");
    const done = () => world.service.control.ledger().counts.completed;
    world.queue("linux", { count: 4, durationMs: 15_000 });
    await world.until(() => east() >= 2, 10_000, "runners in both");
    await world.clock.runFor(3_000);
    const held = east();
    await drain(true);
    await world.clock.runFor(8_000);
    // Nothing has ended yet: at most the idle one is gone.
    expect(done()).toBe(0);
    expect(east()).toBeGreaterThanOrEqual(held - 1);
    world.queue("linux", { count: 4, durationMs: 500 });
    await world.until(() => east() === 0, 20_000, "an empty east");
    await world.jobsEnd(20_000);
    world.queue("linux", { count: 4, durationMs: 2_000 });
    await world.jobsEnd(20_000);
    expect(east()).toBe(0);
    await drain(false);
    await world.until(() => east() > 0, 15_000, "east to be served again");
    await world.endClean();
  });

  it("is emptied of its idle runners when it is the only one, and served again when the removal is taken back", async () => {
    const { world, drain } = await start(mode, { ...linux, minRunners: 2 });
    const east = () => world.runnersIn("east", "linux");
    await world.until(() => east() === 2, 10_000, "two idle runners");
    await drain(true);
    await world.until(() => east() === 0, 20_000, "an empty east");
    world.queue("linux", { count: 1 });
    await world.clock.runFor(10_000);
    expect(east()).toBe(0);
    await drain(false);
    await world.jobsEnd(30_000);
    await world.endClean();
  });
});
