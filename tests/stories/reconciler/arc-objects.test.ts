// What others read on the objects is ARC's to the letter (0.14.2, resourcebuilder.go): dashboards, network policies and
// bills select by it. There is no server mode here: nobody polls.
import { describe, expect, it } from "vitest";
import { annotations, autoscalingRunnerSets, finalizers } from "@runlet/kubernetes/resources";
import { applyNamespace, createWorld, namespace, runnerSetManifest } from "./reconciler-world.ts";

const version = "app.kubernetes.io/version: 0.14.2";

describe("every object below a scale set", () => {
  it("has ARC's labels and the set's own, and says which scale set and group it is of", async () => {
    const world = createWorld({ knobs: { runnerGroups: ["Default", "fast"] } });
    await world.serve("builders", "  runnerGroup: fast\n  runnerScaleSetName: Makers");
    await world.order("builders", 1, 1);
    await world.clock.runFor(3_000);
    const objects = [...world.runnerSets(), ...world.runners(), ...world.pods()];
    expect(objects).toHaveLength(3);
    for (const { metadata } of objects) {
      expect(metadata.labels).toMatchObject({
        team: "blue",
        "app.kubernetes.io/part-of": "gha-runner-scale-set",
        "app.kubernetes.io/version": "0.14.2",
        "actions.github.com/scale-set-name": "builders",
        "actions.github.com/scale-set-namespace": namespace,
        "actions.github.com/organization": "my-org",
      });
      expect(metadata.annotations).toMatchObject({
        [annotations.runnerScaleSetName]: "Makers",
        [annotations.runnerGroupName]: "fast",
      });
    }
    const components = objects.map(
      ({ metadata }) => metadata.labels?.["app.kubernetes.io/component"],
    );
    expect(components).toEqual(["runner-set", "runner", "runner"]);
  });

  it("has an owner with kind and version, and a runner both finalizers, from its first moment", async () => {
    const world = createWorld();
    await world.serve("builders");
    await world.order("builders", 1, 1);
    const [set] = world.runnerSets();
    const isMade = () => world.runners().length === 1;
    await world.clock.runUntil(isMade, 2_000, "the runner");
    const [runner] = world.runners();
    expect(runner?.metadata.finalizers).toEqual(
      expect.arrayContaining([finalizers.ephemeralRunner, finalizers.runnerRegistration]),
    );
    const owner = { apiVersion: "actions.github.com/v1alpha1", controller: true };
    const kind = "EphemeralRunnerSet";
    const uid = set?.metadata.uid;
    expect(runner?.metadata.ownerReferences).toMatchObject([{ ...owner, kind, uid }]);
    expect(set?.metadata.ownerReferences).toMatchObject([
      { ...owner, kind: "AutoscalingRunnerSet" },
    ]);
  });

  it("says its organisation in a label that Kubernetes takes, however long or odd the name", async () => {
    const cases = [
      [`o${"-".repeat(70)}x`, `o${"-".repeat(57)}-trim`],
      ["_my.org-", "my.org"],
      ["a".repeat(63), "a".repeat(63)],
    ] as const;
    for (const [organisation, label] of cases) {
      const world = createWorld();
      world.kube.applyManifests(
        runnerSetManifest("builders").replace("/my-org", `/${organisation}`),
      );
      await world.clock.runFor(5_000);
      const labels = world.runnerSetOf("builders")?.metadata.labels;
      expect(labels?.["actions.github.com/organization"]).toBe(label);
    }
  });
});

describe("the version label of a set", () => {
  it.each([
    ["of another version", "app.kubernetes.io/version: 0.1.0"],
    ["that is no version", "app.kubernetes.io/version: mine"],
    ["that is not there", ""],
  ])("%s harms nobody: the set is served and stays", async (_what, label) => {
    const world = createWorld();
    const labels = label ? `${label}, ` : "";
    world.kube.applyManifests(runnerSetManifest("builders").replace(`${version}, `, labels));
    await world.clock.runFor(5_000);
    await world.order("builders", 1, 1);
    await world.clock.runFor(60_000);
    expect(world.autoscaling()[0]?.metadata.deletionTimestamp).toBeUndefined();
    expect(world.runnerSetOf("builders")?.status?.runningEphemeralRunners).toBe(1);
  });
});

describe("a scale set's id", () => {
  it.each(["abc", "0", "-1", "1e3", null])(
    "of %j deletes nobody's scale set when the set is deleted",
    async (id) => {
      const world = createWorld();
      await world.serve("other");
      await world.serve("builders");
      const key = { namespace, name: "builders" };
      await world.first?.stop();
      const metadata = { annotations: { [annotations.scaleSetId]: id } };
      await world.admin.patch(autoscalingRunnerSets, key, { type: "merge", body: { metadata } });
      await world.deleteSet("builders");
      world.start();
      await world.clock.runFor(60_000);
      expect(world.autoscaling().map((set) => set.metadata.name)).toEqual(["other"]);
      const deletions = world.github.control
        .requests()
        .filter(({ route }) => route === "deleteScaleSet");
      expect(deletions).toEqual([]);
    },
  );

  it("that was taken off with the manifest is found again on the runner set, also when the name changes", async () => {
    const world = createWorld();
    await world.serve("builders");
    const [made] = world.github.control.scaleSets();
    world.kube.applyManifests(runnerSetManifest("builders", "  runnerScaleSetName: makers"));
    await world.clock.runFor(3_000);
    world.kube.applyManifests(runnerSetManifest("builders", "  runnerScaleSetName: makers"));
    await world.clock.runFor(3_000);
    expect(world.github.control.scaleSets()).toMatchObject([{ id: made?.id, name: "makers" }]);
    const id = world.autoscaling()[0]?.metadata.annotations?.[annotations.scaleSetId];
    expect(id).toBe(String(made?.id));
  });

  it("is another's in another group, though the name is the same", async () => {
    const world = createWorld({ knobs: { runnerGroups: ["Default", "fast"] } });
    applyNamespace(world.kube, "second", true);
    await world.serve("builders");
    const other = runnerSetManifest("builders", "  runnerGroup: fast", { namespace: "second" });
    world.kube.applyManifests(other);
    await world.clock.runFor(5_000);
    const ids = world
      .autoscaling()
      .map((set) => set.metadata.annotations?.[annotations.scaleSetId]);
    expect(new Set(ids).size).toBe(2);
    expect(world.github.control.scaleSets()).toMatchObject([
      { name: "builders", runnerGroupId: 1 },
      { name: "builders", runnerGroupId: 2 },
    ]);
  });
});

it("a scale set is made with its name and its extra labels, each once", async () => {
  const world = createWorld();
  await world.serve("builders", "  runnerScaleSetLabels: [gpu, large, gpu, builders]");
  const [made] = world.github.control.scaleSets();
  expect(made?.labels.map(({ name }) => name)).toEqual(["builders", "gpu", "large"]);
});

it("a label of the set whose prefix is excluded stays on the set", async () => {
  const excludedLabelPrefixes = ["argocd.argoproj.io/", "team"];
  const world = createWorld({ reconciler: { excludedLabelPrefixes } });
  const labels = "argocd.argoproj.io/instance: app, cost: seven, team: blue";
  world.kube.applyManifests(runnerSetManifest("builders").replace("team: blue", labels));
  await world.clock.runFor(3_000);
  await world.order("builders", 1, 1);
  await world.clock.runFor(3_000);
  const children = [...world.runnerSets(), ...world.runners(), ...world.pods()];
  expect(children).toHaveLength(3);
  for (const { metadata } of children) {
    expect(metadata.labels).toMatchObject({ cost: "seven" });
    const keys = Object.keys(metadata.labels ?? {});
    expect(keys.filter((key) => /^(argocd|team)/.test(key))).toEqual([]);
  }
});
