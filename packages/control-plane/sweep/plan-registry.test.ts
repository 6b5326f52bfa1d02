import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ClusterRow, ScaleSetRow } from "@runlet/coordination/registry";
import { planRegistry, type ObservedRunnerSet, type RegistryInput } from "./plan-registry.ts";

const clusters: ClusterRow[] = ["east", "west"].map((name) => ({ name, accessRef: name }));

function runnerSet(
  change: Partial<ObservedRunnerSet> & { cluster?: string } = {},
): ObservedRunnerSet {
  const { cluster = "east", ...rest } = change;
  return {
    target: { cluster, namespace: "runners", autoscalingRunnerSet: "linux" },
    configUrl: "https://github.com/acme",
    scopeKey: "github.com/acme",
    scaleSetId: 7,
    name: "Linux",
    runnerGroup: "",
    labels: ["GPU"],
    share: false,
    createdAt: 1_000,
    wanted: "0..5",
    hasListener: false,
    ...rest,
  };
}

function plan(change: Partial<RegistryInput>) {
  return planRegistry({
    observed: [],
    existing: new Set(),
    clusters,
    silent: [],
    rows: [],
    shardSize: 2,
    ...change,
  });
}

/** The rows as they stand after `observed` was seen, from nothing. */
function rowsOf(observed: ObservedRunnerSet[]): ScaleSetRow[] {
  return plan({ observed }).put;
}

describe("the registry plan", () => {
  it("registers a new runner set with its name and labels in lower case", () => {
    const [row] = rowsOf([runnerSet()]);
    expect(row).toMatchObject({
      key: "github.com/acme:7",
      shard: "shard-0",
      labels: ["gpu", "linux"],
      shared: false,
    });
  });

  it("changes nothing when nothing changed", () => {
    const observed = [runnerSet(), runnerSet({ scaleSetId: 8 })];
    const again = plan({ observed, rows: rowsOf(observed) });
    expect(again).toEqual({ put: [], remove: [], refused: [] });
  });

  it("writes the row anew, and so wakes its shard, when bounds or draining change", () => {
    const rows = rowsOf([runnerSet()]);
    const key = "github.com/acme:7";
    for (const wanted of ["2..5", "0..5 draining", "0..5 deleting"]) {
      expect(plan({ rows, observed: [runnerSet({ wanted })] }).put).toMatchObject([{ key }]);
    }
    // Nothing is known of a cluster that does not answer.
    expect(plan({ rows, silent: ["east"] })).toEqual({ put: [], remove: [], refused: [] });
  });

  it("takes two runner sets as one scale set only if both say share", () => {
    const shared = [runnerSet({ share: true }), runnerSet({ share: true, cluster: "west" })];
    expect(rowsOf(shared)[0]?.targets.map(({ cluster }) => cluster)).toEqual(["east", "west"]);
    const half = plan({
      observed: [runnerSet({ createdAt: 2_000 }), runnerSet({ share: true, cluster: "west" })],
    });
    expect(half.put[0]?.targets.map(({ cluster }) => cluster)).toEqual(["west"]);
    expect(half.refused).toMatchObject([{ why: "not-shared", target: { cluster: "east" } }]);
  });

  it("keeps the target it serves, however old the newcomer claims to be", () => {
    const rows = rowsOf([runnerSet({ createdAt: 5_000 })]);
    const next = plan({
      rows,
      observed: [runnerSet({ createdAt: 5_000 }), runnerSet({ createdAt: 1, cluster: "west" })],
    });
    expect(next.put).toEqual([]);
    expect(next.refused).toMatchObject([{ target: { cluster: "west" } }]);
  });

  it("refuses a runner set that a live listener serves", () => {
    const { put, refused } = plan({ observed: [runnerSet({ hasListener: true })] });
    expect(put).toEqual([]);
    expect(refused).toMatchObject([{ why: "listener" }]);
  });

  it("takes a failed list as: still there", () => {
    const rows = rowsOf([runnerSet({ share: true }), runnerSet({ share: true, cluster: "west" })]);
    const silent = plan({ rows, observed: [runnerSet({ share: true })], silent: ["west"] });
    expect(silent).toEqual({ put: [], remove: [], refused: [] });
    expect(plan({ rows, silent: ["east", "west"] }).remove).toEqual([]);
  });

  it("deletes a shared scale set when every cluster was seen and none has it, and no other", () => {
    const shared = rowsOf([runnerSet({ share: true })]);
    expect(plan({ rows: shared }).remove).toMatchObject([{ deleteScaleSet: true }]);
    const alone = rowsOf([runnerSet()]);
    expect(plan({ rows: alone }).remove).toMatchObject([{ deleteScaleSet: false }]);
  });

  it("keeps the scale set of a runner set that is still there, but ours no more", () => {
    const shared = rowsOf([runnerSet({ share: true })]);
    const existing = new Set(["east/runners/linux"]);
    // Its namespace is no longer managed, or its URL cannot be read: it is not observed.
    expect(plan({ rows: shared, existing }).remove).toMatchObject([{ deleteScaleSet: false }]);
    // ARC's own listener serves it.
    const observed = [runnerSet({ share: true, hasListener: true })];
    const { remove } = plan({ rows: shared, existing, observed });
    expect(remove).toMatchObject([{ deleteScaleSet: false }]);
  });

  it("leaves the scale set alone when its cluster was taken out of the registry", () => {
    const rows = rowsOf([runnerSet({ share: true, cluster: "west" })]);
    const west = clusters.filter(({ name }) => name === "east");
    expect(plan({ rows, clusters: west }).remove).toMatchObject([{ deleteScaleSet: false }]);
  });

  it("fills shards up to their size and never moves a set (any number of sets)", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 9 }), (sets, size) => {
        const observed = Array.from({ length: sets }, (_, n) => runnerSet({ scaleSetId: n + 1 }));
        const first = plan({ observed: observed.slice(0, sets >> 1), shardSize: size }).put;
        const then = plan({ observed, rows: first, shardSize: size }).put;
        const all = [...first, ...then];
        expect(all).toHaveLength(sets);
        const counts = Map.groupBy(all, ({ shard }) => shard);
        expect([...counts.values()].every((rows) => rows.length <= size)).toBe(true);
        expect(counts.size).toBe(Math.ceil(sets / size));
      }),
    );
  });
});
