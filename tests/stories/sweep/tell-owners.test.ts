// What keeps a runner set from being served and only the control plane knows is told on the set, where its owner looks.
import { autoscalingRunnerSets } from "@runlet/kubernetes/resources";
import type { AutoscalingRunnerSet } from "@runlet/kubernetes/resources";
import { beforeEach, expect, it } from "vitest";
import { namespace } from "../poller/add-runner-set.ts";
import { createSweepWorld, scope } from "./sweep-world.ts";

type World = Awaited<ReturnType<typeof createSweepWorld>>;
let world: World;
beforeEach(async () => {
  world = await createSweepWorld();
});

/** A cluster with the set `linux`, which its reconciler has registered as `scaleSetId`. */
async function addRunnerSet(cluster: string, scaleSetId: number) {
  await addRunnerSets(cluster, new Map([["linux", scaleSetId]]));
}

/** A cluster with sets, by name, each registered under its id. */
async function addRunnerSets(cluster: string, sets: ReadonlyMap<string, number>) {
  const client = await world.addCluster(cluster);
  await world.registry.putCluster({ name: cluster, accessRef: cluster }, undefined);
  for (const [name, scaleSetId] of sets) {
    const annotations = { "runner-scale-set-id": String(scaleSetId) };
    await client.create<AutoscalingRunnerSet>(autoscalingRunnerSets, {
      metadata: { name, namespace, annotations },
      spec: {
        githubConfigUrl: scope,
        githubConfigSecret: "s",
        template: { spec: { containers: [{ name: "runner", image: "i" }] } },
      },
    });
  }
}

interface Told {
  reason: string;
  message: string;
  involvedObject: { kind: string; name: string; uid: string };
}

const eventsIn = (cluster: string) =>
  (world.clusters.get(cluster)?.objects("v1", "Event") ?? []) as unknown as Told[];

/** Sweeps until `minutes` have passed. */
async function sweepFor(minutes: number) {
  for (let minute = 0; minute < minutes; minute++) {
    await world.sweep();
    await world.clock.runFor(60_000);
  }
}

it("a scope without a credential is an event on its runner sets, once, with the remedy", async () => {
  world.credential = () => undefined;
  await addRunnerSet("east", await world.addSet("linux", false));
  // The first sweep finds the set, the second one asks for its scope.
  await sweepFor(5);
  const events = eventsIn("east");
  expect(events).toMatchObject([
    {
      reason: "NoCredential",
      message: expect.stringMatching(
        /cannot serve https:\/\/github\.com\/acme.* runlet github add/,
      ),
      involvedObject: { kind: "AutoscalingRunnerSet", name: "linux" },
    },
  ]);
  const [found] =
    world.clusters.get("east")?.objects("actions.github.com/v1alpha1", "AutoscalingRunnerSet") ??
    [];
  expect(events[0]?.involvedObject.uid).toBe(found?.metadata.uid);
});

it("a credential that GitHub refuses is told as that, and what was told is not written again", async () => {
  await addRunnerSet("east", await world.addSet("linux", false));
  await sweepFor(2);
  expect(eventsIn("east")).toEqual([]);
  world.credential = () => ({ credential: { kind: "pat", token: "ghp_revoked" } });
  await world.clock.runFor(10 * 60_000);
  const api = world.clusters.get("east");
  api?.clearAuditLog();
  await sweepFor(50);
  expect(eventsIn("east").map(({ reason }) => reason)).toEqual(["CredentialRefused"]);
  expect(JSON.stringify(eventsIn("east"))).not.toContain("ghp_revoked");
  const writes = api?.auditLog().filter(({ verb }) => verb === "create");
  expect(writes).toHaveLength(1);
});

it("a set that another cluster has, and that neither shares, is told which one", async () => {
  const id = await world.addSet("linux", false);
  await addRunnerSet("east", id);
  await world.clock.runFor(5_000);
  await addRunnerSet("west", id);
  await sweepFor(2);
  expect(eventsIn("east")).toEqual([]);
  expect(eventsIn("west")).toMatchObject([
    {
      reason: "NotShared",
      message: expect.stringMatching(/served for east\/.+\/linux.*runlet\.dev\/share: "true"/),
    },
  ]);
});

it("a cluster that takes no events costs the sweep nothing, and is told when it does", async () => {
  world.credential = () => undefined;
  await addRunnerSet("east", await world.addSet("linux", false));
  const api = world.clusters.get("east");
  const end = api?.addFault({ effect: { kind: "status", status: 403 }, verb: "create" });
  await sweepFor(3);
  expect(world.of("sweep-parts-failed")).toEqual([]);
  expect(eventsIn("east")).toEqual([]);
  end?.();
  await sweepFor(1);
  expect(eventsIn("east")).toHaveLength(1);
});

it("a cluster that takes no events for its many sets keeps no other cluster's owners in the dark", async () => {
  world.credential = () => undefined;
  const names = Array.from({ length: 30 }, (_, n) => `set-${n}`);
  const ids = await Promise.all(names.map((name) => world.addSet(name, false)));
  const sets = names.map((name, n): [string, number] => [name, ids[n] ?? 0]);
  // The registry lists its rows by these ids, as text.
  const ordered = sets.toSorted(([, a], [, b]) => (String(a) < String(b) ? -1 : 1));
  await addRunnerSets("east", new Map(ordered.slice(0, -1)));
  await addRunnerSets("west", new Map(ordered.slice(-1)));
  world.clusters
    .get("east")
    ?.addFault({ effect: { kind: "status", status: 403 }, plural: "events" });
  await sweepFor(4);
  expect(eventsIn("east")).toEqual([]);
  expect(eventsIn("west")).toHaveLength(1);
});
