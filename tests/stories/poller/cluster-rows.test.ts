// The registry's rows of clusters change while a poller runs: it follows within a minute, without a moment in which it
// takes a cluster for silent, and holds nothing open to where a cluster was.
import { afterEach, describe, expect, it } from "vitest";
import type { ClusterRow } from "@runlet/coordination/registry";
import { createPollerWorld, type PollerWorld } from "./poller-world.ts";

let world: PollerWorld;
afterEach(() => world.end());

const boundMs = 60_000;

async function serving(clusters: string[], mode: "acquire" | "auto-assign"): Promise<void> {
  world = await createPollerWorld({ mode, clusters });
  world.wake();
  await world.clock.runFor(5_000);
}

async function findRow(name: string) {
  const found = (await world.registry.listClusters()).find(({ row }) => row.name === name);
  if (!found) throw new Error(`no row for ${name}`);
  return found;
}

async function change(name: string, over: Partial<ClusterRow>): Promise<void> {
  const { row, version } = await findRow(name);
  expect(await world.registry.putCluster({ ...row, ...over }, version)).toBe("put");
}

const callsBy = (access: string) => world.accesses[access]?.calls ?? 0;
const watchesOf = (name: string) => world.cluster(name).api.openWatches();

async function playJob(limitMs: number): Promise<void> {
  world.queue(1, { durationMs: 1_000 });
  await world.clock.runUntil(() => world.jobsLeft() === 0, limitMs, "the job");
}

describe.each(["acquire", "auto-assign"] as const)("a running poller (%s)", (mode) => {
  it("goes on with a cluster's new access, and ends the watches and connections of the old one", async () => {
    await serving(["east"], mode);
    const watches = watchesOf("east");
    await change("east", { accessRef: "moved.east" });
    await world.clock.runUntil(() => callsBy("moved.east") > 0, boundMs, "the new access");
    await world.clock.runFor(1_000);
    const before = callsBy("east");
    await playJob(6_000);
    await world.clock.runFor(boundMs);
    expect(callsBy("east")).toBe(before);
    expect(watchesOf("east")).toBe(watches);
    expect(world.accesses["east"]?.closed).toBe(1);
    expect(world.accesses["moved.east"]?.closed).toBe(0);
    expect(world.logged("cluster_silent")).toEqual([]);
    expect(world.logged("desired_count_owed")).toEqual([]);
  });

  it("watches what a new access shows, whatever comes of the first one that was written", async () => {
    await serving(["east"], mode);
    const watches = watchesOf("east");
    world.cluster("east").api.addFault({ effect: { kind: "silence" }, verb: "list" });
    await change("east", { accessRef: "wrong.east" });
    await world.clock.runUntil(() => callsBy("wrong.east") > 0, boundMs, "the wrong access");
    world.cluster("east").api.setFaults([]);
    await change("east", { accessRef: "right.east" });
    await world.clock.runUntil(() => callsBy("right.east") > 0, boundMs, "the right access");
    await world.clock.runFor(boundMs);
    await playJob(6_000);
    const wrong = callsBy("wrong.east");
    await world.clock.runFor(boundMs);
    expect(callsBy("wrong.east")).toBe(wrong);
    expect(watchesOf("east")).toBe(watches);
    expect([world.accesses["east"]?.closed, world.accesses["wrong.east"]?.closed]).toEqual([1, 1]);
  });

  it("serves a cluster whose access was changed and changed back", async () => {
    await serving(["east"], mode);
    world.cluster("east").api.addFault({ effect: { kind: "silence" }, verb: "list" });
    await change("east", { accessRef: "wrong.east" });
    await world.clock.runUntil(() => callsBy("wrong.east") > 0, boundMs, "the wrong access");
    await change("east", { accessRef: "east" });
    // Somebody wakes the shard, so the rows are read again while the wrong access is still waited for.
    const flag = { key: "flag/shard-0", version: "a-waker", value: { set: true } };
    await world.table.put(flag, { absent: true });
    await world.clock.runFor(6_000);
    world.cluster("east").api.setFaults([]);
    await world.clock.runFor(3 * boundMs);
    await playJob(6_000);
    expect(world.logged("cluster_silent")).toEqual([]);
    expect(world.accesses["wrong.east"]?.closed).toBe(1);
  });

  it("serves no namespace that was taken off a cluster's row, and serves it again", async () => {
    await serving(["east"], mode);
    await change("east", { namespaces: ["elsewhere"] });
    await world.clock.runFor(boundMs);
    const before = world.pair();
    world.queue(1, { durationMs: 1_000 });
    await world.clock.runFor(20_000);
    expect(world.pair()).toEqual(before);
    await change("east", { namespaces: ["runners"] });
    await world.clock.runUntil(() => world.jobsLeft() === 0, boundMs, "the job");
    // The access is the same: its connections stay.
    expect(world.accesses["east"]?.closed).toBe(0);
  });

  it("asks a cluster nothing any more that was removed, and goes on with the others", async () => {
    await serving(["east", "west"], mode);
    const watches = watchesOf("west");
    const { version } = await findRow("west");
    await world.registry.removeCluster("west", version);
    await world.clock.runFor(boundMs);
    expect(watchesOf("west")).toBeLessThan(watches);
    const before = callsBy("west");
    await playJob(6_000);
    await world.clock.runFor(boundMs);
    expect(callsBy("west")).toBe(before);
    expect(world.accesses["west"]?.closed).toBe(1);
    expect(world.pair("linux", "west")[0]).toBe(0);
  });

  it("goes on as it is while a cluster's row cannot be read", async () => {
    await serving(["east"], mode);
    const { version } = await findRow("east");
    const row = { key: "cluster/east", version: "spoilt", value: { name: 1 } };
    expect(await world.table.put(row, { version })).toBe("put");
    await world.clock.runFor(boundMs);
    expect(world.logged("registry_row_unreadable").length).toBeGreaterThan(0);
    await playJob(6_000);
    expect(world.accesses["east"]?.closed).toBe(0);
  });
});
