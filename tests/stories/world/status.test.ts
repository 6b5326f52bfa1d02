import { createMemoryTable } from "@runlet/coordination/memory-table";
import { autoscalingRunnerSets, ephemeralRunnerSets } from "@runlet/kubernetes/resources";
import { version } from "@runlet/reconciler/compose";
import { checkCluster, problemsOf } from "@runlet/runlet/commands/check-cluster";
import { getCluster, withCluster } from "@runlet/runlet/commands/cluster-client";
import { observeStatus } from "@runlet/runlet/commands/observe-status";
import { runnersNamespace } from "@runlet/runlet/world/manifests";
import type { ScaleSetPlan } from "@runlet/runlet/world/plan-scenario";
import { runUntilEnded } from "@runlet/runlet/world/virtual-world";
import { describe, expect, it } from "vitest";
import { placeOfWorld } from "./place-of-world.ts";
import { linux, modes, startWorld } from "./running-world.ts";

const shared: ScaleSetPlan = { ...linux, clusters: ["east", "west"] };

/** A world, and what `runlet status` sees of it. */
async function start(mode: (typeof modes)[number], more: { restAfterMs?: number } = {}) {
  const inner = createMemoryTable();
  let writes = 0;
  const table = {
    ...inner,
    put: (...args: Parameters<typeof inner.put>) => (writes++, inner.put(...args)),
  };
  const world = await startWorld({
    mode,
    scaleSets: [shared],
    table,
    settings: { restAfterMs: more.restAfterMs },
  });
  let token: string | undefined = world.pat;
  const place = placeOfWorld(world, inner, {
    find: async () => (token === undefined ? undefined : { credential: { kind: "pat", token } }),
  });
  const look = (wanted = "linux") =>
    runUntilEnded(
      world.clock,
      observeStatus(place, wanted === "all" ? undefined : wanted),
      20_000,
      "the status",
    );
  return {
    world,
    place,
    setToken: (given: string | undefined) => (token = given),
    writes: () => writes,
    async health() {
      const [set] = (await look()).scaleSets;
      if (!set) throw new Error("linux is not known");
      return set;
    },
    look,
  };
}

describe.each(modes)("runlet status, in %s mode", (mode) => {
  it("tells holder, session, jobs and runners by cluster of a set that is served", async () => {
    const { world, look } = await start(mode);
    world.queue("linux", { count: 4, durationMs: 20_000 });
    await world.clock.runFor(6_000);
    const { shards, scaleSets } = await look();
    expect(shards).toEqual([
      {
        shard: "shard-0",
        state: "alive",
        holder: expect.any(String),
        fence: expect.stringMatching(/:\d+$/),
        leaseAgeMs: expect.any(Number),
        scaleSets: 1,
      },
    ]);
    expect(shards[0]?.leaseAgeMs).toBeLessThanOrEqual(1_000);
    const [set] = scaleSets;
    expect(set).toMatchObject({ name: "linux", health: { word: "served" }, assigned: 4 });
    expect(set?.sessionAgeMs).toBeGreaterThan(5_000);
    expect(set?.lastNewsMs).toBeLessThan(set?.sessionAgeMs ?? 0);
    const actual = set?.targets.map((one) => [one.cluster, one.desired, one.actual, one.busy]);
    expect(actual).toEqual([
      ["east", 2, 2, 2],
      ["west", 2, 2, 2],
    ]);
    await world.jobsEnd(40_000);
    await world.endClean();
  });

  it("and cluster check tell which reconciler keeps the runner sets", async () => {
    const { world, place } = await start(mode);
    world.queue("linux", { count: 1 });
    await world.jobsEnd(10_000);
    const { row } = await getCluster(await place.registry(), "east");
    const check = await runUntilEnded(
      world.clock,
      withCluster(place, row, (client, access) => checkCluster(place, row, client, access)),
      10_000,
      "the check",
    );
    expect(problemsOf(check)).toEqual([]);
    expect(check).toMatchObject({
      managed: [runnersNamespace],
      arc: [],
      runnerSets: { all: 1, ours: 1 },
      reconcilers: [version],
    });
    await world.stop();
  });

  it("names a cluster that is silent, one of another installation, a missing credential, a rest", async () => {
    const { world, health, setToken } = await start(mode);
    await world.clock.runFor(2_000);
    const east = world.clusters.get("east");
    const back = east?.api.addFault({ effect: { kind: "unreachable" } });
    expect((await health()).health).toMatchObject({
      word: "degraded",
      reason: expect.stringContaining("cluster east does not answer"),
    });
    back?.();
    const [found] = east?.api.objects("actions.github.com/v1alpha1", "EphemeralRunnerSet") ?? [
      undefined,
    ];
    const name = { namespace: runnersNamespace, name: found?.metadata.name ?? "" };
    const body = { metadata: { annotations: { "runlet.dev/fence": "f00:7" } } };
    await runUntilEnded(
      world.clock,
      east?.admin.patch(ephemeralRunnerSets, name, { type: "merge", body }) ?? Promise.reject(),
      1_000,
      "the edit",
    );
    expect((await health()).health).toMatchObject({
      word: "foreign",
      reason: expect.stringContaining("installation f00"),
    });
    setToken(undefined);
    expect((await health()).health.word).toBe("no-credential");
    // Sessions still go on by what was got with it; that it is refused is told before they end.
    setToken("ghp_revoked");
    expect((await health()).health).toMatchObject({
      word: "credential-refused",
      reason: expect.stringContaining("runlet github check"),
    });
    setToken(world.pat);
    world.service.control.addFault({ route: "rateLimit", drop: "before", times: 1 });
    expect((await health()).health).toMatchObject({
      word: "degraded",
      reason: expect.stringContaining("GitHub does not answer from here"),
    });
    await world.stop();
  });

  it("tells what the reconciler says of a set, and why another is no scale set", async () => {
    const { world, health, look } = await start(mode);
    await world.clock.runFor(2_000);
    const east = world.clusters.get("east");
    east?.api.applyManifests(`apiVersion: actions.github.com/v1alpha1
kind: AutoscalingRunnerSet
metadata: { name: broken, namespace: ${runnersNamespace} }
spec: { githubConfigUrl: ${world.configUrl}, githubConfigSecret: nowhere, template: { spec: { containers: [{ name: runner, image: i }] } } }
`);
    await world.clock.runFor(2_000);
    const { unregistered } = await look("broken");
    expect(unregistered).toEqual([
      {
        name: "broken",
        target: `east/${runnersNamespace}/broken`,
        reason: expect.stringContaining("CredentialUnusable: "),
      },
    ]);
    expect((await look("all")).unregistered).toEqual(unregistered);
    await expect(look("nobody")).rejects.toThrow("there is no scale set nobody; there are linux");
    expect((await health()).health.word).not.toBe("degraded");
    const body = { spec: { minRunners: 3, maxRunners: 2 } };
    const name = { namespace: runnersNamespace, name: "linux" };
    const edit = east?.admin.patch(autoscalingRunnerSets, name, { type: "merge", body });
    await runUntilEnded(world.clock, edit ?? Promise.reject(), 1_000, "the edit");
    await world.clock.runFor(3_000);
    expect((await health()).health).toMatchObject({
      word: "degraded",
      reason: expect.stringMatching(/^cluster east: MinAboveMax: /),
    });
    await world.stop();
  });

  it("tells of a set that another cluster has, and that neither shares, which one", async () => {
    const table = createMemoryTable();
    const world = await startWorld({ mode, scaleSets: [linux], clusters: ["east", "west"], table });
    world.apply("west", { ...linux, clusters: ["west"] });
    await world.clock.runFor(10_000);
    const place = placeOfWorld(world, table);
    const looking = observeStatus(place, undefined);
    const { unregistered } = await runUntilEnded(world.clock, looking, 20_000, "the status");
    expect(unregistered).toEqual([
      {
        name: "linux",
        target: `west/${runnersNamespace}/linux`,
        reason: expect.stringMatching(/linux is served for east\/.* runlet\.dev\/share: "true"/),
      },
    ]);
    await world.stop();
  });

  it("names a reconciler that does not act, once an order has waited for it", async () => {
    const { world, health } = await start(mode);
    await world.clock.runFor(2_000);
    world.clusters.get("west")?.killReconciler();
    world.queue("linux", { count: 4, durationMs: 30_000 });
    await world.clock.runFor(12_000);
    expect((await health()).health).toEqual({
      word: "degraded",
      reason: expect.stringMatching(/^cluster west: its reconciler has not acted .* pod running/),
    });
    await world.stop();
  });

  it("says that a quiet shard rests, and writes nothing", async () => {
    const { world, health, writes } = await start(mode, { restAfterMs: 1_000 });
    for (let look = 0; look < 20 && (await health()).health.word !== "resting"; look++)
      await world.clock.runFor(500);
    const before = writes();
    expect(await health()).toMatchObject({ health: { word: "resting" }, sessionAgeMs: undefined });
    expect(writes()).toBe(before);
    await world.stop();
  });
});
