import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Resource } from "@runlet/kubernetes/client";
import {
  autoscalingRunnerSets,
  namespaces,
  pods,
  type AutoscalingRunnerSet,
} from "@runlet/kubernetes/resources";
import { createSeededRandom } from "@runlet/runtime/random";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { asArcRenders, writeChart } from "./arc-chart.ts";
import { getClientBinaries } from "./binaries.ts";
import { bundleReconciler } from "./bundle.ts";
import { charts, createHelm, objectsOf, oneOf, type Helm, type Rendered } from "./helm.ts";
import {
  namespace,
  nothing,
  pat,
  startReconcilerBed,
  type ReconcilerBed,
} from "./reconciler-bed.ts";
import { startReconcilerProcess, type ReconcilerProcess } from "./reconciler-process.ts";

const system = "runlet-charts";
const image = { repository: "registry.example/runlet" };

let bed: ReconcilerBed;
let helm: Helm;
let reconciler: ReconcilerProcess | undefined;

beforeAll(async () => {
  // The kinds come with the chart.
  bed = await startReconcilerBed({ plane: { crds: [] } });
  helm = await createHelm(bed.plane.kubeconfigPath);
}, 180_000);

afterAll(async () => {
  reconciler?.signal("SIGKILL");
  helm?.close();
  await bed?.stop();
});

/** Throws with what helm says. */
async function run(args: string[], values?: object): Promise<string> {
  const { ok, out, errors } = await helm.run(args, values);
  if (!ok) throw new Error(`helm ${args.join(" ")}: ${errors}`);
  return out;
}

/** Has the server check a release's objects as if they were applied, unknown fields included. */
async function check(dryRun: string): Promise<void> {
  const manifest = dryRun.slice(dryRun.indexOf("MANIFEST:\n") + 10).split(/^NOTES:$/m)[0];
  const { kubectl } = await getClientBinaries();
  const how = ["apply", "--dry-run=server", "--validate=strict", "-f", "-"];
  const args = ["--kubeconfig", bed.plane.kubeconfigPath, ...how];
  execFileSync(kubectl, args, { input: manifest ?? "", stdio: ["pipe", "pipe", "inherit"] });
}

/** What the Deployment's pod would be: its arguments, under its account. */
async function startPod(release: string): Promise<ReconcilerProcess> {
  const manifest = objectsOf(await run(["get", "manifest", release, "--namespace", system]));
  const { template } = oneOf(manifest, "Deployment").spec as {
    template: { spec: { serviceAccountName: string; containers: [{ args: string[] }] } };
  };
  const { serviceAccountName, containers } = template.spec;
  const here = /^--(probe-port|metrics-addr)=/;
  return startReconcilerProcess({
    ...bed.plane,
    bundle: process.env["RUNLET_RECONCILER"] ?? (await bundleReconciler()),
    token: await bed.plane.serviceAccountToken(system, serviceAccountName),
    dir: helm.dir,
    flags: [
      ...containers[0].args.filter((arg) => !here.test(arg)),
      `--leader-election-namespace=${system}`,
    ],
  });
}

async function installReconciler(values: object = {}): Promise<void> {
  const args = ["install", "runlet", charts.reconciler, "--namespace", system];
  await run([...args, "--create-namespace"], { image, ...values });
  reconciler = await startPod("runlet");
  await reconciler.until("reconciler_ready");
}

async function uninstallReconciler(): Promise<void> {
  await run(["uninstall", "runlet", "--namespace", system]);
  reconciler?.signal("SIGTERM");
  await reconciler?.ended;
}

const setValues = (values: object = {}) => ({
  githubConfigUrl: `${bed.configUrl}/`,
  githubConfigSecret: { github_token: pat },
  maxRunners: 5,
  ...values,
});

async function installSet(values: object = {}): Promise<string> {
  const args = ["install", "builders", charts.runnerSet, "--namespace", namespace];
  const out = await run(args, setValues(values));
  await untilServed();
  return out;
}

async function untilServed(): Promise<void> {
  await bed.eventually("the set to be served", async () => {
    return (await bed.setOf("builders"))?.status?.phase === "Running";
  });
}

const find = () =>
  bed.admin.find<AutoscalingRunnerSet>(autoscalingRunnerSets, { namespace, name: "builders" });

const kind = (group: string, plural: string, name: string): Resource => ({
  group,
  version: "v1",
  plural,
  kind: name,
  namespaced: true,
});
const chartKinds = [
  kind("rbac.authorization.k8s.io", "roles", "Role"),
  kind("rbac.authorization.k8s.io", "rolebindings", "RoleBinding"),
  kind("", "serviceaccounts", "ServiceAccount"),
  kind("", "secrets", "Secret"),
];

/** What of the release is still there. */
async function remains(): Promise<string[]> {
  const all: string[] = [];
  for (const one of chartKinds) {
    const { items } = await bed.admin.list(one, { namespace });
    const ours = items.filter(({ metadata }) => metadata.name.startsWith("builders-gha-rs"));
    all.push(...ours.map(({ metadata }) => `${one.kind} ${metadata.name}`));
  }
  return (await find()) ? [...all, "AutoscalingRunnerSet"] : all;
}

/** The release is gone at once; JIT Secrets are left to the garbage collector. */
async function untilGone(): Promise<void> {
  await bed.eventually("the release to be gone", async () => (await remains()).length === 0);
  const clean = async () => {
    const left = await bed.leftovers();
    const secrets = left.secrets.filter((name) => !name.startsWith("sh.helm.release."));
    return JSON.stringify({ ...left, secrets }) === JSON.stringify(nothing);
  };
  await bed.eventually("nothing to be left", clean, 60_000);
}

describe("on a real API server", () => {
  test("the reconciler's chart brings the kinds and is what the server takes", async () => {
    const everything = {
      image,
      metrics: { controllerManagerAddr: ":8080" },
      dashboard: { create: true },
      poller: { create: true },
    };
    const args = ["install", "runlet", charts.reconciler, "--namespace", "default"];
    await check(await run([...args, "--dry-run=server"], everything));
    await installReconciler();
    const { kubectl } = await getClientBinaries();
    const crds = fileURLToPath(new URL("../../packages/kubernetes/crds", import.meta.url));
    const how = ["apply", "--server-side", "--force-conflicts", "-f", crds];
    execFileSync(kubectl, ["--kubeconfig", bed.plane.kubeconfigPath, ...how]);
  }, 120_000);

  test("its pod is admitted at the restricted level of Pod Security", async () => {
    const labels = { "pod-security.kubernetes.io/enforce": "restricted" };
    await bed.admin.create(namespaces, { metadata: { name: "restricted", labels } });
    const manifest = objectsOf(await run(["get", "manifest", "runlet", "--namespace", system]));
    const { template } = oneOf(manifest, "Deployment").spec as { template: { spec: object } };
    const spec = { ...template.spec, serviceAccountName: "default" };
    const pod = { metadata: { name: "reconciler", namespace: "restricted" }, spec };
    await bed.eventually("the pod to be admitted", async () => {
      return (await bed.admin.create(pods, pod)).metadata.name === "reconciler";
    });
  });

  const claim = { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } };
  test.each(["", "dind", "kubernetes", "kubernetes-novolume"])(
    "a set of mode %j is what the server takes, field by field",
    async (type) => {
      const server = { url: "http://proxy.example:1", credentialSecretRef: "auth" };
      const configMapKeyRef = { name: "ghes", key: "ca.crt" };
      const values = setValues({
        containerMode: { type, kubernetesModeWorkVolumeClaim: claim },
        scaleSetLabels: ["linux"],
        runnerGroup: "big",
        proxy: { http: server, https: server, noProxy: ["a"] },
        githubServerTLS: { certificateFrom: { configMapKeyRef }, runnerMountPath: "/ca" },
        runlet: { share: true, priority: 1, weight: 2 },
        resourceMeta: { ephemeralRunner: { labels: { a: "b" } } },
        listenerTemplate: { spec: { containers: [{ name: "listener" }] } },
      });
      const args = ["install", "builders", charts.runnerSet, "--namespace", namespace];
      const out = await run([...args, "--dry-run=server"], values);
      // Found by the reconciler's Deployment.
      expect(out).toMatch(new RegExp(`name: runlet\\n +namespace: ${system}`));
      expect(out).toContain("Values without effect:\n  - listenerTemplate");
      await check(out);
    },
  );
});

describe("a release of a set", () => {
  test("runs jobs under the two charts' rights", async () => {
    expect(await installSet()).not.toContain("is not labelled");
    bed.github.control.queueJobs({ scaleSet: "builders", durationMs: 300 });
    await bed.order("builders", 1, 1);
    await bed.eventually("the job", () => bed.github.control.ledger().counts.completed === 1);
    expect(bed.github.control.scaleSets().map(({ name }) => name)).toEqual(["builders"]);
  });

  test("is upgraded and rolled back", async () => {
    const place = ["builders", "--namespace", namespace];
    const template = { spec: { containers: [{ name: "runner", image: "other:1" }] } };
    const values = setValues({ maxRunners: 7, template, scaleSetLabels: ["more"] });
    await run(["upgrade", "builders", charts.runnerSet, "--namespace", namespace], values);
    const imageOf = async () =>
      (await bed.setOf("builders"))?.spec.ephemeralRunnerSpec?.spec?.containers[0]?.image;
    await bed.eventually("the new image", async () => (await imageOf()) === "other:1");
    expect((await find())?.spec).toMatchObject({ maxRunners: 7 });
    await run(["rollback", ...place, "1"]);
    await bed.eventually("the old image", async () => (await imageOf()) !== "other:1");
    expect((await find())?.spec).toMatchObject({ maxRunners: 5 });
    expect((await find())?.spec).not.toHaveProperty("runnerScaleSetLabels");
  });

  test("leaves nothing when it is uninstalled with runners, and may come back", async () => {
    await bed.order("builders", 2, 2);
    await bed.eventually("two runners", async () => (await bed.runners()).length === 2);
    await run(["uninstall", "builders", "--namespace", namespace]);
    await untilGone();
    await installSet({ containerMode: { type: "kubernetes-novolume" } });
    await run(["uninstall", "builders", "--namespace", namespace]);
    await untilGone();
  }, 120_000);

  test.each([1, 2, 3, 4, 5, 6, 7, 8])(
    "leaves nothing when its objects are deleted in any order (seed %d)",
    async (seed) => {
      await installSet();
      await bed.order("builders", 1, seed);
      await bed.eventually("a runner", async () => (await bed.runners()).length === 1);
      const manifest = objectsOf(
        await run(["get", "manifest", "builders", "--namespace", namespace]),
      );
      for (const object of shuffled(manifest, seed)) await remove(object);
      await untilGone();
      await run(["uninstall", "builders", "--namespace", namespace]);
    },
    120_000,
  );

  test("as ARC's chart renders it, with the rights that it gives, is served and leaves nothing", async () => {
    const objects = await renderedByArc();
    bed.apply(objects.map((object) => JSON.stringify(object)).join("\n---\n"));
    await untilServed();
    await bed.order("builders", 1, 1);
    await bed.eventually("a runner", async () => (await bed.runners()).length === 1);
    for (const object of objects) await remove(object);
    await untilGone();
  }, 120_000);

  test("of ARC's chart is taken over by an upgrade, and given back, with the same set and runner", async () => {
    const arc = join(helm.dir, "arc");
    const chart = { name: "gha-runner-scale-set", version: "0.14.2" };
    writeChart(arc, chart, await renderedByArc());
    const place = ["--namespace", namespace];
    await run(["install", "builders", arc, ...place]);
    await untilServed();
    await bed.order("builders", 1, 1);
    await bed.eventually("a runner", async () => (await bed.runners()).length === 1);
    const uids = async () => [
      (await find())?.metadata.uid,
      ...(await bed.runners()).map(({ metadata }) => metadata.uid),
    ];
    const before = await uids();
    await run(["upgrade", "builders", charts.runnerSet, ...place], setValues({ minRunners: 1 }));
    expect((await find())?.spec).toMatchObject({ minRunners: 1 });
    expect(await uids()).toEqual(before);
    await run(["upgrade", "builders", arc, ...place]);
    expect((await find())?.spec).not.toHaveProperty("minRunners");
    expect(await uids()).toEqual(before);
    await run(["uninstall", "builders", ...place]);
    await untilGone();
  }, 120_000);

  test("waits for the reconciler when that is uninstalled first", async () => {
    await installSet();
    await uninstallReconciler();
    await run(["uninstall", "builders", "--namespace", namespace]);
    expect(await remains()).toContain("AutoscalingRunnerSet");
    await installReconciler();
    await untilGone();
  }, 120_000);
});

test("a reconciler for named namespaces needs no ClusterRole, and the namespaces no label", async () => {
  await uninstallReconciler();
  const patch = { metadata: { labels: { "runlet.dev/managed": null } } };
  await bed.admin.patch(namespaces, { name: namespace }, { type: "merge", body: patch });
  await installReconciler({ flags: { watchSingleNamespace: namespace } });
  expect(await installSet()).toContain("kubectl label namespace runners runlet.dev/managed=true");
  await bed.order("builders", 1, 1);
  await bed.eventually("a runner", async () => (await bed.runners()).length === 1);
  await run(["uninstall", "builders", "--namespace", namespace]);
  await untilGone();
  await uninstallReconciler();
  expect(reconciler?.output()).not.toContain(pat);
}, 120_000);

async function renderedByArc(): Promise<Rendered[]> {
  const args = ["template", "builders", charts.runnerSet, "--namespace", namespace];
  const controllerServiceAccount = { name: "runlet", namespace: system };
  return asArcRenders(objectsOf(await run(args, setValues({ controllerServiceAccount }))));
}

function shuffled<T>(all: T[], seed: number): T[] {
  const random = createSeededRandom(seed);
  return all
    .map((one) => ({ one, at: random.next() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ one }) => one);
}

async function remove({ kind: name, metadata }: Rendered): Promise<void> {
  const resource = [autoscalingRunnerSets, ...chartKinds].find((one) => one.kind === name);
  if (!resource) throw new Error(`the chart has a kind that this test does not know: ${name}`);
  await bed.admin.remove(resource, { namespace, name: metadata.name });
}
