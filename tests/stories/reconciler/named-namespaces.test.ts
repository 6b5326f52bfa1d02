import { describe, expect, it } from "vitest";
import type { Reconciler } from "@runlet/reconciler/reconciler";
import {
  applyNamespace,
  createWorld,
  namespace,
  runnerSetManifest,
  type WorldOptions,
} from "./reconciler-world.ts";

const user = "system:serviceaccount:default:runlet-reconciler";
const minute = 60_000;

/** Told to serve these namespaces; one of them is the world's own. */
function worldOf(namespaces: string[], more: WorldOptions = {}) {
  return createWorld({ ...more, reconciler: { namespaces } });
}

function refuse(world: ReturnType<typeof createWorld>, where: string) {
  const effect = { kind: "status", status: 403, message: "no Role here" } as const;
  world.kube.setFaults([{ user, namespace: where, effect }]);
}

function seenBy({ view }: Reconciler) {
  return Object.fromEntries(view().places.map((place) => [place.namespace, place.isSeen]));
}

describe("a reconciler with named namespaces", () => {
  it("serves the others within a minute when one, the first, does not exist", async () => {
    const world = worldOf(["gone", namespace]);
    world.kube.applyManifests(runnerSetManifest("builders"));
    await world.clock.runFor(minute);
    expect(world.runnerSetOf("builders")?.status?.phase).toBe("Running");
  });

  it("serves the others within a minute when one may not be read, and says which: in its log, and as not ready", async () => {
    const lines: string[] = [];
    const world = worldOf([namespace, "other"], {
      start: false,
      logTo: (line) => lines.push(line),
    });
    refuse(world, "other");
    world.kube.applyManifests(runnerSetManifest("builders"));
    const { reconciler } = world.start();
    await world.clock.runFor(2 * minute);
    expect(world.runnerSetOf("builders")?.status?.phase).toBe("Running");
    await world.clock.runFor(20 * minute);
    expect(reconciler.health().unready).toMatch(/^never read: namespace other \(/);
    expect(reconciler.health().stuck).toBeUndefined();
    expect(seenBy(reconciler)).toEqual({ [namespace]: true, other: false });
    const said = lines.filter((line) => line.includes("namespaces_unreadable"));
    expect(said).toEqual([expect.stringContaining('["other"]')]);
  });

  it("serves that one too, within seconds, once it may be read", async () => {
    const world = worldOf([namespace, "other"], { start: false });
    refuse(world, "other");
    applyNamespace(world.kube, "other", false);
    world.kube.applyManifests(runnerSetManifest("late", "", { namespace: "other" }));
    const { reconciler } = world.start();
    await world.clock.runFor(10 * minute);
    expect(world.runnerSets()).toEqual([]);
    world.kube.setFaults([]);
    const isServed = () => world.runnerSetOf("late")?.status?.phase === "Running";
    await world.clock.runUntil(isServed, 10_000, "the set in the other namespace");
    expect(reconciler.health()).toEqual({ unready: undefined, stuck: undefined });
  });

  it("stays ready when one is lost later, serves the others, and a metric tells within a minute and a half", async () => {
    const world = worldOf([namespace, "other"], { start: false });
    applyNamespace(world.kube, "other", false);
    const { reconciler } = world.start();
    await world.serve("builders");
    expect(seenBy(reconciler)).toEqual({ [namespace]: true, other: true });
    refuse(world, "other");
    world.kube.cutWatches({ broken: true });
    await world.clock.runFor(1.5 * minute);
    expect(seenBy(reconciler)).toEqual({ [namespace]: true, other: false });
    expect(reconciler.health()).toEqual({ unready: undefined, stuck: undefined });
    await world.order("builders", 1, 1);
    const isUp = () => world.runnerSetOf("builders")?.status?.runningEphemeralRunners === 1;
    await world.clock.runUntil(isUp, 10_000, "a runner in the namespace that is left");
    world.kube.setFaults([]);
    await world.clock.runFor(10_000);
    expect(seenBy(reconciler)).toEqual({ [namespace]: true, other: true });
  });

  it("keeps runner sets and idle runners when another namespace is named before theirs", async () => {
    const namespaces = [namespace];
    const world = worldOf(namespaces);
    await world.serve("builders");
    await world.order("builders", 3, 1);
    await world.clock.runFor(10_000);
    const names = () => [...world.runnerSets(), ...world.runners()].map((one) => one.metadata.name);
    const before = names();
    expect(before).toHaveLength(4);
    await world.first?.stop();
    applyNamespace(world.kube, "added", false);
    namespaces.unshift("added");
    world.start();
    await world.clock.runFor(minute);
    expect(names()).toEqual(before);
  });

  it("keeps a runner set whose name was made otherwise", async () => {
    const options = { namespaces: [namespace], clusterId: "as-it-was-made-before" };
    const world = createWorld({ reconciler: options });
    await world.serve("builders");
    const before = world.runnerSetOf("builders")?.metadata.name;
    await world.first?.stop();
    options.clusterId = "as-it-is-made-now";
    world.start();
    await world.clock.runFor(minute);
    expect(world.runnerSets().map(({ metadata }) => metadata.name)).toEqual([before]);
  });

  it("ends within a second of SIGTERM while it waits for all of them", async () => {
    const world = worldOf([namespace], { start: false });
    refuse(world, namespace);
    const running = world.start();
    await world.clock.runFor(5 * minute);
    let ended = false;
    void running.stop().then(() => (ended = true));
    await world.clock.runFor(1_000);
    expect(ended).toBe(true);
  });
});

describe("a cluster that ARC has left", () => {
  it("is served although the kind of ARC's listeners is gone", async () => {
    const world = createWorld({ start: false });
    const message = "the server could not find the requested resource";
    const effect = { kind: "status", status: 404, message } as const;
    world.kube.setFaults([{ user, plural: "autoscalinglisteners", effect }]);
    const { reconciler } = world.start();
    await world.serve("builders");
    await world.clock.runFor(10 * minute);
    expect(reconciler.health()).toEqual({ unready: undefined, stuck: undefined });
    const looks = world.kube.auditLog().filter(({ plural }) => plural === "autoscalinglisteners");
    expect(looks.length).toBeGreaterThan(8);
    expect(looks.length).toBeLessThanOrEqual(12);
  });

  it("sees within two minutes that the kind is there again, with a listener", async () => {
    const world = createWorld({ start: false });
    const effect = { kind: "status", status: 404, message: "no such kind" } as const;
    world.kube.setFaults([{ user, plural: "autoscalinglisteners", effect }]);
    world.start();
    await world.serve("builders");
    world.kube.setFaults([]);
    world.kube.applyManifests(`
apiVersion: actions.github.com/v1alpha1
kind: AutoscalingListener
metadata: { name: builders, namespace: default }
spec: { autoscalingRunnerSetName: builders, autoscalingRunnerSetNamespace: ${namespace} }
`);
    await world.clock.runFor(2 * minute);
    expect(world.events().map(({ reason }) => reason)).toContain("ServedByARC");
  });
});
