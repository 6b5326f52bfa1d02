// Why: the registry says who serves what; a late or unchanged write must leave no trace in it.
import { createLog } from "@runlet/runtime/log";
import { expect, test } from "vitest";
import { createFenceCounter } from "./fence-counter.ts";
import { findOrCreateInstallation } from "./installation.ts";
import { createRegistry, type ScaleSetRow } from "./registry.ts";
import { createTableWorld } from "./testing/table-world.ts";

const set = (id: number): ScaleSetRow => ({
  key: `github.com/my-org:${id}`,
  scopeKey: "github.com/my-org",
  configUrl: "https://github.com/My-Org",
  scaleSetId: id,
  name: `set-${id}`,
  runnerGroup: "",
  labels: [`set-${id}`],
  shard: "shard-1",
  targets: [{ cluster: "east", namespace: "arc", autoscalingRunnerSet: `set-${id}` }],
  shared: false,
});

test("a scale set is put when absent, replaced after its version, and removed", async () => {
  const registry = createRegistry(createTableWorld());
  expect(await registry.putScaleSet(set(7), undefined)).toBe("put");
  expect(await registry.putScaleSet(set(7), undefined)).toBe("refused");
  const found = await registry.findScaleSet(set(7).key);
  if (!found) throw new Error("not found");
  expect(found.row).toEqual(set(7));
  const moved = { ...set(7), shard: "shard-2" };
  expect(await registry.putScaleSet(moved, found.version)).toBe("put");
  expect(await registry.putScaleSet(set(7), found.version)).toBe("refused");
  await registry.putScaleSet(set(8), undefined);
  const listed = await registry.listScaleSets();
  expect(listed.map(({ row }) => row)).toEqual([moved, set(8)]);
  expect(await registry.removeScaleSet(set(7).key, found.version)).toBe("refused");
  expect(await registry.removeScaleSet(set(7).key, listed[0]?.version ?? "")).toBe("removed");
  expect(await registry.findScaleSet(set(7).key)).toBeUndefined();
});

test("clusters with and without named namespaces", async () => {
  const registry = createRegistry(createTableWorld());
  const east = { name: "east", accessRef: "east.yaml", namespaces: ["arc"] };
  const west = { name: "west", accessRef: "west.yaml" };
  await registry.putCluster(west, undefined);
  await registry.putCluster(east, undefined);
  expect((await registry.listClusters()).map(({ row }) => row)).toEqual([east, west]);
});

test("what a holder serves is written on change only, and never over a larger fence", async () => {
  const world = createTableWorld();
  const registry = createRegistry(world);
  const row = (n: number, ...scaleSetKeys: string[]) => ({
    shard: "shard-1",
    fence: `a:${n}`,
    scaleSetKeys,
  });
  await registry.putServes(row(5, "x"));
  const version = (await world.truth.get("serves/shard-1"))?.version;
  await registry.putServes(row(5, "x"));
  expect((await world.truth.get("serves/shard-1"))?.version).toBe(version);
  await registry.putServes(row(4, "y"));
  expect(await registry.findServes("shard-1")).toEqual(row(5, "x"));
  await registry.putServes(row(10, "y", "z"));
  expect(await registry.findServes("shard-1")).toEqual(row(10, "y", "z"));
});

test("one row with nonsense in it leaves the others served, and is told once by its key and reason", async () => {
  const world = createTableWorld();
  const lines: string[] = [];
  const log = createLog(
    { write: (line) => lines.push(line), wallMs: () => world.clock.wallMs() },
    { level: "debug" },
  );
  const registry = createRegistry({ ...world, log });
  await registry.putScaleSet(set(7), undefined);
  await registry.putScaleSet(set(8), undefined);
  await world.truth.put({ key: "set/x", version: "1", value: { key: 7 } }, { absent: true });
  for (let turn = 0; turn < 3; turn++) {
    expect((await registry.listScaleSets()).map(({ row }) => row)).toEqual([set(7), set(8)]);
  }
  await expect(registry.findScaleSet("x")).rejects.toThrow(/row set\/x cannot be read/);
  expect(lines.length).toBe(1);
  expect(JSON.parse(lines[0] ?? "")).toMatchObject({
    event: "registry_row_unreadable",
    key: "set/x",
    reason: expect.stringContaining("scaleSetId"),
  });
});

test("a cluster whose row cannot be read is one without access, and not one that was removed", async () => {
  const world = createTableWorld();
  const registry = createRegistry(world);
  const west = { name: "west", accessRef: "west.yaml" };
  await registry.putCluster(west, undefined);
  await world.truth.put({ key: "cluster/east", version: "1", value: {} }, { absent: true });
  const rows = (await registry.listClusters()).map(({ row }) => row);
  expect(rows).toEqual([{ name: "east", accessRef: "" }, west]);
});

test("a serves row with nonsense in it is as good as none", async () => {
  const world = createTableWorld();
  const registry = createRegistry(world);
  await world.truth.put({ key: "serves/shard-1", version: "1", value: {} }, { absent: true });
  expect(await registry.findServes("shard-1")).toBeUndefined();
  const row = { shard: "shard-1", fence: "a:1", scaleSetKeys: ["x"] };
  await registry.putServes(row);
  expect(await registry.findServes("shard-1")).toEqual(row);
});

test("everybody finds the same installation, whoever drew its name", async () => {
  const world = createTableWorld();
  const names = await Promise.all([1, 2, 3].map(() => findOrCreateInstallation(world)));
  expect(new Set(names).size).toBe(1);
  expect(names[0]).toMatch(/^[0-9a-f]{12}$/);
  expect(await findOrCreateInstallation(world)).toBe(names[0]);
});

test("a hundred racing draws give a hundred numbers, also when answers are lost", async () => {
  for (const faults of [{}, { loseAnswer: 0.2, throttle: 0.1 }]) {
    const world = createTableWorld(5);
    Object.assign(world.faults, faults);
    const counter = createFenceCounter({ ...world, installation: "a" });
    const drawing = Array.from({ length: 40 }, () => counter.draw().catch(() => undefined));
    const drawn = (await world.inTime(Promise.all(drawing))).flatMap((fence) => fence?.n ?? []);
    expect(new Set(drawn).size).toBe(drawn.length);
    expect(drawn.length).toBeGreaterThan(30);
  }
});

test("a counter that cannot be read is an error, never a new beginning", async () => {
  const world = createTableWorld();
  const row = { key: "deployment/fence", version: "1", value: { n: "many" } };
  await world.truth.put(row, { absent: true });
  const counter = createFenceCounter({ ...world, installation: "a" });
  await expect(counter.draw()).rejects.toThrow(/is not a counter; restore it/);
});
