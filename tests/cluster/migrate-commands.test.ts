// Why: docs/migrate-from-arc.md is typed into real clusters, word by word. Here its two blocks are, by bash with the real
// kubectl on a real API server; ARC's objects are there, its controllers are not.
import { execFile } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import {
  annotations,
  autoscalingListeners,
  ephemeralRunners,
  ephemeralRunnerSets,
  pods,
  type EphemeralRunnerSet,
} from "@runlet/kubernetes/resources";
import type { Resource } from "@runlet/kubernetes/client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { getClientBinaries } from "./binaries.ts";
import { release, systemNamespace } from "./reconciler-access.ts";
import { pat, startReconcilerBed, type ReconcilerBed } from "./reconciler-bed.ts";

const namespace = "team-a";
const listener = "builders-754b578d-listener";
const page = resolve(import.meta.dirname, "../../docs/migrate-from-arc.md");

let bed: ReconcilerBed;
let tools: string;
beforeAll(async () => {
  bed = await startReconcilerBed();
  bed.apply(arcObjects(bed.configUrl));
  await bed.startReconciler();
  tools = mkdtempSync(join(tmpdir(), "runlet-migrate-"));
  symlinkSync((await getClientBinaries()).kubectl, join(tools, "kubectl"));
  // Nothing is registered here; what status says has tests of its own.
  writeFileSync(join(tools, "npx"), "#!/bin/sh\nexit 0\n");
  chmodSync(join(tools, "npx"), 0o755);
}, 180_000);
afterAll(async () => {
  await bed?.stop();
  if (tools) rmSync(tools, { recursive: true, force: true });
});

/** The block of shell commands under a heading of the page. */
function blockOf(heading: string): string {
  const part = readFileSync(page, "utf8").split(`\n## ${heading}`)[1] ?? "";
  const block = /```sh\n([\s\S]*?)```/.exec(part)?.[1];
  if (block === undefined) throw new Error(`${page} has no commands under ${heading}`);
  return block;
}

/** Any command that fails ends it. The release is called otherwise here than on the page. */
async function type(block: string): Promise<void> {
  const words = block
    .replace("--clusterrole runlet-runners", `--clusterrole ${release}-runners`)
    .replace(
      "--serviceaccount runlet-system:runlet\n",
      `--serviceaccount ${systemNamespace}:${release}\n`,
    );
  const env = { PATH: `${tools}:/usr/bin:/bin`, KUBECONFIG: bed.plane.kubeconfigPath, HOME: tools };
  // The kubelet of this cluster lives in this process: it must not be held up.
  await promisify(execFile)("bash", ["-euc", words], { env, timeout: 50_000 });
}

const other = (group: string, plural: string, kind: string): Resource => ({
  group,
  version: "v1",
  plural,
  kind,
  namespaced: true,
});
const deployments = other("apps", "deployments", "Deployment");
const roleBindings = other("rbac.authorization.k8s.io", "rolebindings", "RoleBinding");

const ours = async () => {
  const { items } = await bed.admin.list<EphemeralRunnerSet>(ephemeralRunnerSets, { namespace });
  return items.find(({ metadata }) => metadata.annotations?.[annotations.fence] !== undefined);
};
const replicasOfArc = async () =>
  (
    await bed.admin.find<{ metadata: { name: string }; spec: { replicas: number } }>(deployments, {
      namespace: "arc-systems",
      name: "arc-gha-rs-controller",
    })
  )?.spec.replicas;

test("the commands for a namespace hand it over, with the right to make its runners", async () => {
  expect(await ours()).toBeUndefined();
  await type(blockOf("A namespace"));
  const key = { namespace: "arc-systems", name: listener };
  expect(await bed.admin.find(autoscalingListeners, key)).toBeUndefined();
  expect(await bed.admin.find(pods, key)).toBeUndefined();
  expect(await bed.admin.find(roleBindings, { namespace, name: listener })).toBeUndefined();
  expect(await replicasOfArc()).toBe(0);
  await bed.eventually("a runner set of ours", async () => (await ours()) !== undefined);
  const set = await ours();
  const spec = { replicas: 1, patchID: 1 };
  await bed.admin.patch(
    ephemeralRunnerSets,
    { namespace, name: set?.metadata.name ?? "" },
    { type: "merge", body: { spec } },
  );
  const made = async () => (await bed.admin.list(pods, { namespace })).items.length === 1;
  await bed.eventually("a runner's pod", made);
}, 60_000);

test("the commands for the way back leave nothing that ARC would wait for", async () => {
  await type(blockOf("Back"));
  const set = await ours();
  expect(set?.metadata.finalizers).toEqual(["ephemeralrunner.actions.github.com/finalizer"]);
  expect(await bed.admin.find(roleBindings, { namespace, name: "runlet" })).toBeUndefined();
  expect(await replicasOfArc()).toBe(1);
  // Runlet has let go: an order is followed by nobody.
  const key = { namespace, name: set?.metadata.name ?? "" };
  const body = { spec: { replicas: 3, patchID: 2 } };
  await bed.admin.patch(ephemeralRunnerSets, key, { type: "merge", body });
  await bed.clock.sleep(3_000);
  expect((await bed.admin.list(ephemeralRunners, { namespace })).items).toHaveLength(1);
}, 60_000);

/** What ARC has made of one set in team-a. */
function arcObjects(configUrl: string): string {
  const pod = "{ containers: [{ name: listener, image: example.com/arc }] }";
  const rbac = "rbac.authorization.k8s.io";
  return `
apiVersion: v1
kind: Namespace
metadata: { name: ${namespace} }
---
apiVersion: v1
kind: Namespace
metadata: { name: arc-systems }
---
apiVersion: v1
kind: Secret
metadata: { name: github-secret, namespace: ${namespace} }
stringData: { github_token: ${pat} }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: arc-gha-rs-controller, namespace: arc-systems }
spec:
  replicas: 1
  selector: { matchLabels: { app: arc } }
  template: { metadata: { labels: { app: arc } }, spec: ${pod} }
---
apiVersion: actions.github.com/v1alpha1
kind: AutoscalingRunnerSet
metadata: { name: builders, namespace: ${namespace} }
spec:
  githubConfigUrl: ${configUrl}
  githubConfigSecret: github-secret
  template: { spec: { containers: [{ name: runner, image: example.com/runner }] } }
---
apiVersion: actions.github.com/v1alpha1
kind: AutoscalingListener
metadata:
  name: ${listener}
  namespace: arc-systems
  finalizers: [autoscalinglistener.actions.github.com/finalizer]
spec: { autoscalingRunnerSetName: builders, autoscalingRunnerSetNamespace: ${namespace} }
---
apiVersion: v1
kind: Pod
metadata: { name: ${listener}, namespace: arc-systems }
spec: ${pod}
---
apiVersion: ${rbac}/v1
kind: Role
metadata: { name: ${listener}, namespace: ${namespace} }
rules: []
---
apiVersion: ${rbac}/v1
kind: RoleBinding
metadata: { name: ${listener}, namespace: ${namespace} }
roleRef: { apiGroup: ${rbac}, kind: Role, name: ${listener} }
subjects: [{ kind: ServiceAccount, name: default, namespace: arc-systems }]
`;
}
