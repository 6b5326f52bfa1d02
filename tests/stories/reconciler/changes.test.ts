import { describe, expect, it } from "vitest";
import {
  annotations,
  autoscalingRunnerSets,
  ephemeralRunners,
  ephemeralRunnerSets,
  finalizers,
  type EphemeralRunnerSet,
} from "@runlet/kubernetes/resources";
import {
  createWorld,
  namespace,
  nothing,
  runnerSetManifest,
  type World,
} from "./reconciler-world.ts";

const share = `${annotations.share}: "true"`;
const imagesOf = (world: World) =>
  world.runners().map(({ spec }) => spec.spec?.containers[0]?.image ?? "");

describe("a template that changes", () => {
  it("replaces idle runners one for one, and lets a busy one finish with the old image", async () => {
    const world = createWorld();
    await world.serve("builders");
    const uid = world.runnerSetOf("builders")?.metadata.uid;
    world.github.control.queueJobs({ scaleSet: "builders", durationMs: 60_000 });
    await world.order("builders", 4, 1);
    await world.clock.runFor(5_000);
    await world.tellJobs();
    world.kube.applyManifests(runnerSetManifest("builders").replace("runner:latest", "runner:new"));
    await world.clock.runFor(5_000);
    expect(world.runnerSetOf("builders")?.metadata.uid).toBe(uid);
    expect(imagesOf(world).filter((image) => image.endsWith("new"))).toHaveLength(3);
    expect(imagesOf(world).filter((image) => image.endsWith("latest"))).toHaveLength(1);
    expect(world.runnerSetOf("builders")?.status).toMatchObject({
      currentReplicas: 4,
      busyEphemeralRunners: 1,
    });
    await world.clock.runFor(60_000);
    expect(world.github.control.ledger().jobs[0]?.outcome).toBe("succeeded");
    expect(imagesOf(world).every((image) => image.endsWith("new"))).toBe(true);
  });

  it("in min and max or the listener's part only touches no runner", async () => {
    const world = createWorld();
    await world.serve("builders");
    await world.order("builders", 2, 1);
    await world.clock.runFor(5_000);
    const before = world.runners().map(({ metadata }) => metadata.uid);
    world.kube.applyManifests(
      runnerSetManifest(
        "builders",
        "  maxRunners: 7\n  listenerTemplate: { spec: { containers: [{ name: listener }] } }",
      ),
    );
    await world.clock.runFor(10_000);
    expect(world.runners().map(({ metadata }) => metadata.uid)).toEqual(before);
  });

  it("labels and metadata reach the set; foreign annotations on it stay and start no war", async () => {
    const world = createWorld();
    await world.serve("builders");
    const key = { namespace, name: world.runnerSetOf("builders")?.metadata.name ?? "" };
    const metadata = { annotations: { "tool.example/note": "mine" } };
    await world.admin.patch(ephemeralRunnerSets, key, { type: "merge", body: { metadata } });
    world.kube.applyManifests(runnerSetManifest("builders").replace("team: blue", "team: green"));
    await world.clock.runFor(5_000);
    const set = world.runnerSetOf("builders");
    expect(set?.metadata.labels?.["team"]).toBe("green");
    expect(set?.metadata.annotations?.["tool.example/note"]).toBe("mine");
    const revision = world.kube.revision();
    await world.clock.runFor(60_000);
    expect(world.kube.revision()).toBe(revision);
  });
});

describe("a scale set that is renamed or moved", () => {
  it("is changed at the service and keeps its id", async () => {
    const world = createWorld({ knobs: { runnerGroups: ["Default", "fast"] } });
    await world.serve("builders");
    const id = world.github.control.scaleSets()[0]?.id;
    const change = async (spec: Record<string, unknown>) => {
      const key = { namespace, name: "builders" };
      await world.admin.patch(autoscalingRunnerSets, key, { type: "merge", body: { spec } });
      await world.clock.runFor(5_000);
    };
    await change({ runnerScaleSetName: "makers", runnerGroup: "fast" });
    expect(world.github.control.scaleSets()).toMatchObject([
      { id, name: "makers", runnerGroupId: 2 },
    ]);
    expect(world.autoscaling()[0]?.metadata.annotations).toMatchObject({
      [annotations.runnerScaleSetName]: "makers",
      [annotations.runnerGroupName]: "fast",
    });
    await change({ runnerGroup: null });
    expect(world.github.control.scaleSets()).toMatchObject([{ id, runnerGroupId: 1 }]);
  });

  it("a shared one leaves the scale set as it is and joins another", async () => {
    const world = createWorld();
    await world.serve("builders", "", { annotations: share });
    const renamed = runnerSetManifest("builders", "  runnerScaleSetName: makers", {
      annotations: share,
    });
    world.kube.applyManifests(renamed);
    await world.clock.runFor(5_000);
    const names = world.github.control.scaleSets().map(({ name }) => name);
    expect(names.toSorted((a, b) => a.localeCompare(b))).toEqual(["builders", "makers"]);
    const updates = world.github.control
      .requests()
      .filter(({ route }) => route === "updateScaleSet");
    expect(updates).toEqual([]);
  });

  it("to another organisation gets a scale set there", async () => {
    const world = createWorld();
    await world.serve("builders");
    world.kube.applyManifests(runnerSetManifest("builders").replace("/my-org", "/other-org"));
    await world.clock.runFor(5_000);
    const ours = world.github.control.scaleSets().find(({ scope }) => scope === "other-org");
    expect(ours?.name).toBe("builders");
    const spec = world.runnerSetOf("builders")?.spec.ephemeralRunnerSpec;
    expect(spec).toMatchObject({
      runnerScaleSetId: ours?.id,
      githubConfigUrl: "https://github.com/other-org",
    });
  });
});

/** What `helm template` of ARC's chart gha-runner-scale-set 0.14 gives, cut to what a controller reads. */
const chart = `
apiVersion: v1
kind: ServiceAccount
metadata: { name: arc-gha-rs-no-permission, namespace: ${namespace}, finalizers: [actions.github.com/cleanup-protection] }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: arc-gha-rs-manager, namespace: ${namespace}, finalizers: [actions.github.com/cleanup-protection] }
rules: []
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: arc-gha-rs-manager, namespace: ${namespace}, finalizers: [actions.github.com/cleanup-protection] }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: arc-gha-rs-manager }
subjects: []
---
apiVersion: actions.github.com/v1alpha1
kind: AutoscalingRunnerSet
metadata:
  name: arc
  namespace: ${namespace}
  labels:
    app.kubernetes.io/component: autoscaling-runner-set
    helm.sh/chart: gha-rs-0.14.2
    app.kubernetes.io/name: arc
    app.kubernetes.io/instance: arc
    app.kubernetes.io/version: 0.14.2
    app.kubernetes.io/managed-by: Helm
    app.kubernetes.io/part-of: gha-rs
    actions.github.com/scale-set-name: arc
    actions.github.com/scale-set-namespace: ${namespace}
  annotations:
    actions.github.com/values-hash: "0123"
    actions.github.com/cleanup-manager-role-binding: arc-gha-rs-manager
    actions.github.com/cleanup-manager-role-name: arc-gha-rs-manager
    actions.github.com/cleanup-no-permission-service-account-name: arc-gha-rs-no-permission
spec:
  githubConfigUrl: https://github.com/my-org
  githubConfigSecret: github-secret
  runnerScaleSetName: arc
  maxRunners: 5
  minRunners: 1
  template:
    spec:
      restartPolicy: Never
      serviceAccountName: arc-gha-rs-no-permission
      initContainers:
        - { name: init-dind-externals, image: "ghcr.io/actions/actions-runner:latest", command: [cp], args: [-r, a, b], volumeMounts: [{ name: dind-externals, mountPath: /home/runner/tmpDir }] }
      containers:
        - name: runner
          image: ghcr.io/actions/actions-runner:latest
          command: [/home/runner/run.sh]
          env: [{ name: DOCKER_HOST, value: "unix:///var/run/docker.sock" }]
          volumeMounts: [{ name: work, mountPath: /home/runner/_work }, { name: dind-sock, mountPath: /var/run }]
      volumes: [{ name: work, emptyDir: {} }, { name: dind-sock, emptyDir: {} }, { name: dind-externals, emptyDir: {} }]
`;

describe("what ARC's chart 0.14 renders", () => {
  it("is served as it is, and its protected objects are released in the end", async () => {
    const world = createWorld();
    world.kube.applyManifests(chart);
    await world.clock.runUntil(() => world.runnerSetOf("arc") !== undefined, 5_000, "the set");
    await world.order("arc", 1, 0);
    await world.clock.runFor(5_000);
    expect(world.runnerSetOf("arc")?.status?.runningEphemeralRunners).toBe(1);
    expect(world.pods()[0]?.metadata.labels).toMatchObject({
      "app.kubernetes.io/part-of": "gha-runner-scale-set",
      "app.kubernetes.io/component": "runner",
      "app.kubernetes.io/version": "0.14.2",
      "actions.github.com/organization": "my-org",
    });
    const held = () =>
      [
        ["v1", "ServiceAccount"],
        ["rbac.authorization.k8s.io/v1", "Role"],
        ["rbac.authorization.k8s.io/v1", "RoleBinding"],
      ]
        .flatMap(([version = "", kind = ""]) => world.kube.objects(version, kind, namespace))
        .flatMap(({ metadata }) => metadata.finalizers ?? []);
    expect(held()).toHaveLength(3);
    await world.deleteSet("arc");
    await world.clock.runFor(10_000);
    expect(world.leftovers()).toEqual(nothing);
    expect(held()).toEqual([]);
  });

  it("a runner set that 0.14 left behind is drained: idle runners go, a busy one finishes", async () => {
    const world = createWorld();
    await world.serve("builders");
    const old = await leaveBehind(world, "builders-x7k2p");
    world.start();
    await world.clock.runFor(20_000);
    // The one with a job, and nobody asks it to go.
    expect(world.runners().map(({ metadata }) => metadata.name)).toEqual([old.busy]);
    expect(world.runnerSets().map(({ metadata }) => metadata.name)).toContain("builders-x7k2p");
    await world.clock.runFor(60_000);
    expect(world.github.control.ledger().jobs[0]?.outcome).toBe("succeeded");
    expect(world.runnerSets().map(({ metadata }) => metadata.name)).toEqual([old.own]);
    expect(world.leftovers()).toEqual(nothing);
  });

  it("a runner set that a user deletes comes back, with a new uid and the fence 0", async () => {
    const world = createWorld();
    await world.serve("builders");
    const [own] = world.runnerSets();
    await world.order("builders", 1, 3);
    await world.clock.runFor(3_000);
    await world.admin.remove(ephemeralRunnerSets, { namespace, name: own?.metadata.name ?? "" });
    await world.clock.runFor(5_000);
    const [again] = world.runnerSets();
    expect(again?.metadata.name).toBe(own?.metadata.name);
    expect(again?.metadata.uid).not.toBe(own?.metadata.uid);
    expect(again?.metadata.annotations?.[annotations.fence]).toBe("0");
    expect(world.leftovers()).toEqual(nothing);
  });
});

describe("proxies and hooks", () => {
  it("a proxy's credential reaches the pod through one Secret, and goes with the set", async () => {
    const world = createWorld();
    world.kube.applyManifests(`
apiVersion: v1
kind: Secret
metadata: { name: proxy-user, namespace: ${namespace} }
data: { username: ${Buffer.from("me").toString("base64")}, password: ${Buffer.from("p@ss").toString("base64")} }
`);
    const proxy =
      "  proxy: { https: { url: http://proxy:3128, credentialSecretRef: proxy-user }, noProxy: [10.0.0.0/8] }";
    await world.serve("builders", proxy);
    await world.order("builders", 1, 1);
    await world.clock.runFor(5_000);
    const find = () =>
      world.kube
        .objects("v1", "Secret", namespace)
        .find(({ metadata }) => metadata.name.endsWith("-runner-proxy"));
    const data = find()?.["data"] as Record<string, string> | undefined;
    expect(Buffer.from(data?.["https_proxy"] ?? "", "base64").toString()).toBe(
      "http://me:p%40ss@proxy:3128/",
    );
    expect(JSON.stringify(world.pods())).not.toContain("p%40ss");
    expect(JSON.stringify(world.pods())).toContain("https_proxy");
    await world.deleteSet("builders");
    await world.clock.runFor(20_000);
    expect(find()).toBeUndefined();
  });

  it("what container hooks made for a job goes with its runner", async () => {
    const world = createWorld();
    const hooked = runnerSetManifest("builders").replace(
      "command: [/home/runner/run.sh] }",
      "command: [/home/runner/run.sh], env: [{ name: ACTIONS_RUNNER_CONTAINER_HOOKS, value: x }] }",
    );
    world.kube.applyManifests(hooked);
    await world.clock.runFor(3_000);
    world.github.control.queueJobs({ scaleSet: "builders", durationMs: 5_000 });
    await world.order("builders", 1, 1);
    await world.clock.runFor(3_000);
    const name = world.runners()[0]?.metadata.name ?? "";
    world.kube.applyManifests(`
apiVersion: v1
kind: Pod
metadata: { name: job-pod, namespace: ${namespace}, labels: { runner-pod: ${name} } }
spec: { containers: [{ name: job, image: node }] }
---
apiVersion: v1
kind: Secret
metadata: { name: job-secret, namespace: ${namespace}, labels: { runner-pod: ${name} } }
`);
    await world.clock.runFor(60_000);
    const names = [...world.kube.objects("v1", "Pod"), ...world.kube.objects("v1", "Secret")];
    expect(names.map(({ metadata }) => metadata.name)).toEqual(["github-secret"]);
  });
});

it("no secret is seen outside Secrets: not in the log, not in events, not on any object", async () => {
  const lines: string[] = [];
  const world = createWorld({ logTo: (line) => lines.push(line) });
  world.github.control.addFault({ route: "generateJitConfig", status: 500, times: 3 });
  await world.serve("builders");
  await world.order("builders", 2, 1);
  await world.clock.runFor(30_000);
  const secrets = world.kube.objects("v1", "Secret").flatMap((secret) =>
    Object.entries((secret["data"] ?? {}) as Record<string, string>)
      .filter(([key]) => key === "jitToken" || key === "github_token")
      .map(([, value]) => Buffer.from(value, "base64").toString()),
  );
  expect(secrets).toHaveLength(3);
  const seen = [
    ...lines,
    ...["AutoscalingRunnerSet", "EphemeralRunnerSet", "EphemeralRunner"].flatMap((kind) =>
      world.kube
        .objects(`${autoscalingRunnerSets.group}/v1alpha1`, kind)
        .map((one) => JSON.stringify(one)),
    ),
    ...["Pod", "Event"].flatMap((kind) =>
      world.kube.objects("v1", kind).map((one) => JSON.stringify(one)),
    ),
  ];
  expect(lines.length).toBeGreaterThan(5);
  for (const secret of secrets) {
    const encoded = Buffer.from(secret).toString("base64");
    expect(seen.filter((text) => text.includes(secret) || text.includes(encoded))).toEqual([]);
  }
});

/**
 * What 0.14 leaves after an update: an EphemeralRunnerSet under a name of its own, with an idle runner and one whose job takes
 * half a minute. The reconciler is stopped meanwhile.
 */
async function leaveBehind(world: World, name: string) {
  await world.order("builders", 2, 1);
  await world.clock.runFor(3_000);
  world.github.control.queueJobs({ scaleSet: "builders", count: 1, durationMs: 30_000 });
  await world.clock.runFor(1_000);
  await world.tellJobs();
  await world.first?.stop();
  const [own] = world.runnerSets();
  if (!own) throw new Error("nothing is served");
  const left = await world.admin.create<EphemeralRunnerSet>(ephemeralRunnerSets, {
    ...own,
    metadata: {
      name,
      namespace,
      labels: own.metadata.labels ?? {},
      finalizers: [finalizers.ephemeralRunner],
      ownerReferences: own.metadata.ownerReferences ?? [],
    },
    spec: { ...own.spec, replicas: 2, patchID: 1 },
  });
  const runners = world.runners();
  for (const { metadata } of runners) {
    const [owner] = metadata.ownerReferences ?? [];
    const ownerReferences = [{ ...owner, name, uid: left.metadata.uid }];
    const body = { metadata: { ownerReferences } };
    await world.admin.patch(ephemeralRunners, metadata, { type: "merge", body });
  }
  const key = { namespace, name: own.metadata.name ?? "" };
  await world.admin.remove(ephemeralRunnerSets, key);
  const body = { metadata: { finalizers: null } };
  await world.admin.patch(ephemeralRunnerSets, key, { type: "merge", body });
  const busy = runners.find(({ status }) => status?.jobId)?.metadata.name;
  expect([runners.length, busy]).toEqual([2, expect.any(String)]);
  return { own: own.metadata.name, busy };
}
