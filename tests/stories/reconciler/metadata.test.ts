// What users hang on objects: labels of the scale set, labels and annotations of every object below it. And what they, or
// tools, hang on them later: nobody takes it off, and nobody writes because of it.
import { describe, expect, it } from "vitest";
import type { Resource } from "@runlet/kubernetes/client";
import {
  annotations,
  autoscalingRunnerSets,
  ephemeralRunners,
  ephemeralRunnerSets,
  pods,
  secrets,
} from "@runlet/kubernetes/resources";
import { installOlderCrds } from "./older-crds.ts";
import { createWorld, namespace, type World } from "./reconciler-world.ts";

const conditionOf = (world: World, type: string) =>
  world.autoscaling()[0]?.status?.conditions?.find((one) => one.type === type);

describe("labels of the scale set", () => {
  it("that are added later are not there, and within six minutes the set says so, until they go", async () => {
    const world = createWorld();
    await world.serve("builders", "  runnerScaleSetLabels: [linux]");
    const key = { namespace, name: "builders" };
    const name = (labels: string[]) =>
      world.admin.patch(autoscalingRunnerSets, key, {
        type: "merge",
        body: { spec: { runnerScaleSetLabels: labels } },
      });
    await name(["linux", "gpu"]);
    await world.clock.runFor(6 * 60_000);
    expect(conditionOf(world, "Healthy")).toMatchObject({
      status: "False",
      reason: "LabelsMissing",
    });
    expect(conditionOf(world, "Healthy")?.message).toMatch(
      /has gpu, which the scale set at GitHub lacks/,
    );
    expect(world.events().map(({ reason }) => reason)).toEqual(["LabelsMissing"]);
    await name(["linux"]);
    await world.clock.runFor(2_000);
    expect(conditionOf(world, "Healthy")).toMatchObject({ status: "True" });
  });

  it("that an old GitHub Enterprise Server drops without a word are said to be missing", async () => {
    const world = createWorld({ knobs: { customLabels: false } });
    await world.serve("builders", "  runnerScaleSetLabels: [gpu]");
    expect(conditionOf(world, "Healthy")).toMatchObject({
      status: "False",
      reason: "LabelsMissing",
    });
  });
});

describe("metadata of the objects below a set", () => {
  const cases = [
    ["labels only", "{ labels: { cost: x } }", { cost: "x" }, {}],
    ["annotations only", "{ annotations: { note: y } }", {}, { note: "y" }],
    ["both", "{ labels: { cost: x }, annotations: { note: y } }", { cost: "x" }, { note: "y" }],
    ["neither", "{}", {}, {}],
  ] as const;
  it.each(cases)("%s", async (_what, meta, labels, notes) => {
    const world = createWorld();
    const fields = ["ephemeralRunnerSetMetadata", "ephemeralRunnerMetadata"];
    const all = [...fields, "ephemeralRunnerConfigSecretMetadata"];
    await world.serve("builders", all.map((field) => `  ${field}: ${meta}`).join("\n"));
    await world.order("builders", 1, 1);
    await world.clock.runFor(3_000);
    const objects = [...world.runnerSets(), ...world.runners(), ...world.pods()];
    expect(objects).toHaveLength(3);
    for (const { metadata } of [...objects, ...world.jitSecrets()]) {
      expect(metadata.labels ?? {}).toMatchObject(labels);
      expect(metadata.annotations ?? {}).toMatchObject(notes);
    }
  });
});

describe("a cluster that is settled", () => {
  it("with foreign labels and annotations on every object: no write in five minutes, and none is taken off", async () => {
    const world = createWorld();
    world.kube.applyManifests(`
apiVersion: v1
kind: Secret
metadata: { name: proxy-user, namespace: ${namespace} }
data: { username: bWU=, password: bWU= }
`);
    await world.serve(
      "builders",
      "  minRunners: 2\n  proxy: { https: { url: http://proxy:3128, credentialSecretRef: proxy-user } }",
    );
    world.github.control.queueJobs({ scaleSet: "builders", durationMs: 3_600_000 });
    await world.order("builders", 3, 1);
    await world.clock.runFor(10_000);
    await world.tellJobs();
    const foreign = {
      metadata: {
        labels: { "tool.example/seen": "yes" },
        annotations: { "tool.example/note": "mine", "kubectl.kubernetes.io/last-applied": "{}" },
      },
    };
    const kinds: readonly (readonly [Resource, string, string])[] = [
      [autoscalingRunnerSets, "actions.github.com/v1alpha1", "AutoscalingRunnerSet"],
      [ephemeralRunnerSets, "actions.github.com/v1alpha1", "EphemeralRunnerSet"],
      [ephemeralRunners, "actions.github.com/v1alpha1", "EphemeralRunner"],
      [pods, "v1", "Pod"],
      [secrets, "v1", "Secret"],
    ];
    const all = () =>
      kinds.flatMap(([, version, kind]) => world.kube.objects(version, kind, namespace));
    for (const [resource, version, kind] of kinds) {
      for (const { metadata } of world.kube.objects(version, kind, namespace)) {
        const key = { namespace, name: metadata.name };
        await world.admin.patch(resource, key, { type: "merge", body: foreign });
      }
    }
    expect(all().length).toBeGreaterThan(12);
    await world.clock.runFor(5_000);
    const [before, uids] = [
      world.kube.auditLog().length,
      all().map(({ metadata }) => metadata.uid),
    ];
    await world.clock.runFor(300_000);
    const ours = world.kube
      .auditLog()
      .slice(before)
      .filter(({ userAgent }) => userAgent?.startsWith("runlet"));
    expect(ours.filter(({ verb }) => !["get", "list", "watch"].includes(verb))).toEqual([]);
    expect(all().map(({ metadata }) => metadata.uid)).toEqual(uids);
    for (const { metadata } of all()) {
      expect(metadata.labels).toMatchObject(foreign.metadata.labels);
      expect(metadata.annotations).toMatchObject(foreign.metadata.annotations);
    }
  });

  it("with CRDs that drop our conditions: no write either", async () => {
    const world = createWorld({ start: false });
    await installOlderCrds(world, { conditions: false });
    world.start();
    await world.serve("builders");
    await world.order("builders", 1, 1);
    await world.clock.runFor(10_000);
    expect(world.autoscaling()[0]?.status).not.toHaveProperty("conditions");
    const before = world.kube.auditLog().length;
    // Twice the time between two looks at the service.
    await world.clock.runFor(720_000);
    const ours = world.kube
      .auditLog()
      .slice(before)
      .filter(({ userAgent }) => userAgent?.startsWith("runlet"));
    expect(ours.filter(({ verb }) => !["get", "list", "watch"].includes(verb))).toEqual([]);
  });
});

it("a set that no control plane has served yet says so, until one has", async () => {
  const world = createWorld();
  await world.serve("builders");
  expect(conditionOf(world, "Registered")).toMatchObject({ status: "True", reason: "Registered" });
  expect(conditionOf(world, "Registered")?.message).toMatch(/no control plane has served it yet/);
  const name = world.runnerSetOf("builders")?.metadata.name ?? "";
  const metadata = { annotations: { [annotations.fence]: "installation-a:1" } };
  const key = { namespace, name };
  await world.admin.patch(ephemeralRunnerSets, key, { type: "merge", body: { metadata } });
  await world.clock.runFor(2_000);
  expect(conditionOf(world, "Registered")).toMatchObject({ status: "True", message: "" });
});
