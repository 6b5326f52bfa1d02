import { describe, expect, it } from "vitest";
import { annotations, autoscalingListeners, namespaces } from "@runlet/kubernetes/resources";
import { applyNamespace, createWorld, namespace, runnerSetManifest } from "./reconciler-world.ts";

const share = `${annotations.share}: "true"`;

function listenerManifest(set: string): string {
  return `
apiVersion: actions.github.com/v1alpha1
kind: AutoscalingListener
metadata: { name: ${set}-listener, namespace: default }
spec: { autoscalingRunnerSetName: ${set}, autoscalingRunnerSetNamespace: ${namespace} }
`;
}

describe("what is not Runlet's", () => {
  it("a namespace without the label is left alone until it has it, and again when it loses it", async () => {
    const world = createWorld();
    applyNamespace(world.kube, "others", false);
    world.kube.applyManifests(runnerSetManifest("foreign", "", { namespace: "others" }));
    await world.clock.runFor(60_000);
    expect(world.runnerSets()).toEqual([]);
    expect(world.autoscaling()[0]?.metadata.finalizers ?? []).toEqual([]);
    expect(world.github.control.scaleSets()).toEqual([]);
    applyNamespace(world.kube, "others", true);
    await world.clock.runFor(3_000);
    expect(world.runnerSetOf("foreign")).toBeDefined();
    const unmanaged = { metadata: { labels: { "runlet.dev/managed": null } } };
    await world.admin.patch(namespaces, { name: "others" }, { type: "merge", body: unmanaged });
    await world.clock.runFor(1_000);
    await world.order("foreign", 2, 1);
    await world.clock.runFor(10_000);
    expect(world.runners()).toEqual([]);
  });

  it("with a list of namespaces the label does not matter", async () => {
    const world = createWorld({ reconciler: { namespaces: ["others"] } });
    applyNamespace(world.kube, "others", false);
    world.kube.applyManifests(runnerSetManifest("mine", "", { namespace: "others" }));
    world.kube.applyManifests(runnerSetManifest("not-mine"));
    await world.clock.runFor(3_000);
    expect(world.runnerSetOf("mine")?.metadata.namespace).toBe("others");
    expect(world.runnerSetOf("not-mine")).toBeUndefined();
  });

  it("a set with a live listener of ARC is refused with one event, and served once it is gone", async () => {
    const world = createWorld();
    world.kube.applyManifests(listenerManifest("builders") + "---" + runnerSetManifest("builders"));
    await world.clock.runFor(120_000);
    expect(world.runnerSets()).toEqual([]);
    expect(world.events().map(({ reason }) => reason)).toEqual(["ServedByARC"]);
    await world.admin.remove(
      {
        group: "actions.github.com",
        version: "v1alpha1",
        plural: "autoscalinglisteners",
        kind: "AutoscalingListener",
        namespaced: true,
      },
      { namespace: "default", name: "builders-listener" },
    );
    await world.clock.runFor(3_000);
    expect(world.runnerSetOf("builders")).toBeDefined();
  });

  it("the children of a set that ARC's listener serves are left alone too", async () => {
    const world = createWorld();
    await world.serve("builders");
    world.kube.applyManifests(listenerManifest("builders"));
    await world.clock.runFor(1_000);
    await world.order("builders", 3, 1);
    await world.clock.runFor(60_000);
    expect(world.runners()).toEqual([]);
    await world.admin.remove(autoscalingListeners, {
      namespace: "default",
      name: "builders-listener",
    });
    await world.clock.runFor(5_000);
    expect(world.runners()).toHaveLength(3);
  });

  it("the later of two sets of one name is refused, and takes over when the first is deleted", async () => {
    const world = createWorld();
    applyNamespace(world.kube, "second", true);
    await world.serve("builders");
    await world.clock.runFor(2_000);
    const later = runnerSetManifest("other", "  runnerScaleSetName: Builders", {
      namespace: "second",
    });
    world.kube.applyManifests(later);
    await world.clock.runFor(30_000);
    expect(world.runnerSets()).toHaveLength(1);
    expect(world.events().map(({ reason }) => reason)).toEqual(["DuplicateScaleSet"]);
    await world.deleteSet("builders");
    await world.clock.runFor(10_000);
    expect(world.runnerSets().map(({ metadata }) => metadata.namespace)).toEqual(["second"]);
    expect(world.github.control.scaleSets()).toHaveLength(1);
  });

  it("the later of two takes over, with a scale set of its own, when the first is renamed", async () => {
    const world = createWorld();
    applyNamespace(world.kube, "second", true);
    await world.serve("builders");
    await world.clock.runFor(2_000);
    world.kube.applyManifests(runnerSetManifest("builders", "", { namespace: "second" }));
    await world.clock.runFor(30_000);
    expect(world.runnerSets()).toHaveLength(1);
    world.kube.applyManifests(runnerSetManifest("builders", "  runnerScaleSetName: makers"));
    await world.clock.runFor(10_000);
    const names = world.github.control.scaleSets().map(({ name }) => name);
    expect(names.toSorted()).toEqual(["builders", "makers"]);
    const ids = world.runnerSets().map(({ spec }) => spec.ephemeralRunnerSpec?.runnerScaleSetId);
    expect(new Set(ids).size).toBe(2);
  });

  it("the later of two is served when the first, too, says that it shares", async () => {
    const world = createWorld();
    applyNamespace(world.kube, "second", true);
    await world.serve("builders");
    await world.clock.runFor(2_000);
    const more = { namespace: "second", annotations: share };
    world.kube.applyManifests(runnerSetManifest("builders", "", more));
    await world.clock.runFor(30_000);
    expect(world.runnerSets()).toHaveLength(1);
    world.kube.applyManifests(runnerSetManifest("builders", "", { annotations: share }));
    await world.clock.runFor(10_000);
    expect(world.runnerSets()).toHaveLength(2);
  });

  it("a hundred sets that leave at once cost each other no passes", async () => {
    const world = createWorld();
    const names = Array.from({ length: 100 }, (_, at) => `set-${at}`);
    for (const name of names) world.kube.applyManifests(runnerSetManifest(name));
    await world.clock.runFor(20_000);
    const passes = () => {
      const queues = world.first?.reconciler.view().queues ?? [];
      return queues.find(({ name }) => name === "autoscaling-runner-sets")?.succeeded ?? 0;
    };
    const before = passes();
    for (const name of names) await world.deleteSet(name);
    await world.clock.runFor(20_000);
    expect(world.autoscaling()).toEqual([]);
    expect(passes() - before).toBeLessThanOrEqual(1_000);
  });

  it("two sets that both say they share it are one scale set", async () => {
    const world = createWorld();
    applyNamespace(world.kube, "second", true);
    await world.serve("builders", "", { annotations: share });
    const other = runnerSetManifest("builders", "", { namespace: "second", annotations: share });
    world.kube.applyManifests(other);
    await world.clock.runFor(5_000);
    expect(world.runnerSets()).toHaveLength(2);
    expect(world.github.control.scaleSets()).toHaveLength(1);
    const ids = world
      .autoscaling()
      .map((set) => set.metadata.annotations?.[annotations.scaleSetId]);
    expect(new Set(ids).size).toBe(1);
    const names = world.runnerSets().map(({ metadata }) => metadata.name);
    expect(new Set(names).size).toBe(2);
  });

  it("one of the two sharing is not enough", async () => {
    const world = createWorld();
    applyNamespace(world.kube, "second", true);
    await world.serve("builders");
    await world.clock.runFor(2_000);
    const other = runnerSetManifest("builders", "", { namespace: "second", annotations: share });
    world.kube.applyManifests(other);
    await world.clock.runFor(5_000);
    expect(world.runnerSets()).toHaveLength(1);
  });
});

describe("what a user can mend is said on the object", () => {
  const wrong = [
    ["RunnerGroupNotFound", "  runnerGroup: nowhere", /nowhere.*does not exist/],
    ["CredentialUnusable", "  githubConfigSecret: absent", /absent does not exist/],
    ["InvalidConfigUrl", "  githubConfigUrl: https://github.com", /no path/],
    [
      "NoRunnerContainer",
      "  template: { spec: { containers: [{ name: other, image: x }] } }",
      /runner/,
    ],
  ] as const;
  for (const [reason, field, words] of wrong) {
    it(`${reason}: one event in ten minutes, no hot loop`, async () => {
      const world = createWorld();
      const name = field.trim().split(":")[0] ?? "";
      const manifest = runnerSetManifest("builders")
        .replace(new RegExp(`^  ${name}:.*\\n(?:    .*\\n)*`, "m"), "")
        .trimEnd();
      world.kube.applyManifests(`${manifest}\n${field}\n`);
      await world.clock.runFor(600_000);
      expect(world.events().map((event) => event.reason)).toEqual([reason]);
      expect(world.events()[0]?.message).toMatch(words);
      expect(world.github.control.requests().length).toBeLessThan(60);
      expect(world.kube.auditLog().filter(({ verb }) => verb === "get").length).toBeLessThan(60);
    });
  }

  it("a group that is created later is found without a restart", async () => {
    const world = createWorld();
    world.kube.applyManifests(runnerSetManifest("builders", "  runnerGroup: fast"));
    await world.clock.runFor(30_000);
    world.github.control.setKnobs({ runnerGroups: ["Default", "fast"] });
    await world.clock.runFor(70_000);
    expect(world.runnerSetOf("builders")).toBeDefined();
    expect(world.autoscaling()[0]?.metadata.annotations?.[annotations.runnerGroupName]).toBe(
      "fast",
    );
  });
});
