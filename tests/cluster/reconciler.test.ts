// Why: the reconciler as it is shipped – a process with its flags, its own account and exactly its role – against a
// real API server and garbage collector, with manifests applied by the real kubectl.
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createKubernetesClient, type KubernetesClient } from "@runlet/kubernetes/client";
import { readCrds } from "@runlet/kubernetes/crds";
import {
  autoscalingRunnerSets,
  ephemeralRunners,
  ephemeralRunnerSets,
  pods,
  secrets,
  type AutoscalingRunnerSet,
  type EphemeralRunner,
  type EphemeralRunnerSet,
} from "@runlet/kubernetes/resources";
import { createSystemClock } from "@runlet/runtime/clock";
import { createHttpFetch } from "@runlet/runtime/http";
import { createSilentLog } from "@runlet/runtime/log";
import { createSystemRandom } from "@runlet/runtime/random";
import { listen, type ListeningServer } from "@runlet/simulators/actions-service/listen";
import { createActionsServiceSimulator } from "@runlet/simulators/actions-service/simulator";
import { createKubelet, type Kubelet } from "@runlet/simulators/kubelet/kubelet";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { getClientBinaries } from "./binaries.ts";
import { startControlPlane, type ControlPlane } from "./control-plane.ts";

const clock = createSystemClock();
const random = createSystemRandom();
const log = createSilentLog();
const namespace = "runners";
const role = readFileSync(new URL("../../packages/reconciler/roles.yaml", import.meta.url), "utf8");
const program = new URL("../../packages/reconciler/main.ts", import.meta.url).pathname;

const github = createActionsServiceSimulator(
  { clock, random },
  { mode: "auto-assign", pat: "ghp_test", knobs: { assignWithoutSession: true } },
);
let plane: ControlPlane;
let service: ListeningServer;
let client: KubernetesClient;
let kubelet: Kubelet;
let reconciler: ChildProcess;
let dir = "";
let kubectl = "";
let output = "";

function apply(manifest: string): void {
  const args = ["--kubeconfig", plane.kubeconfigPath, "apply", "-f", "-"];
  execFileSync(kubectl, args, { input: manifest, stdio: ["pipe", "pipe", "inherit"] });
}

const access = (url: string) => `
apiVersion: v1
kind: Namespace
metadata: { name: ${namespace}, labels: { runlet.dev/managed: "true" } }
---
apiVersion: v1
kind: ServiceAccount
metadata: { name: runlet-reconciler, namespace: default }
---
${role}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: runlet-reconciler }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: runlet-reconciler }
subjects: [{ kind: ServiceAccount, name: runlet-reconciler, namespace: default }]
---
apiVersion: v1
kind: Secret
metadata: { name: github-secret, namespace: ${namespace}, annotations: { service: "${url}" } }
stringData: { github_token: ghp_test }
`;

const runnerSet = (url: string) => `
apiVersion: actions.github.com/v1alpha1
kind: AutoscalingRunnerSet
metadata: { name: builders, namespace: ${namespace}, labels: { app.kubernetes.io/version: 0.14.2 } }
spec:
  githubConfigUrl: ${url}/my-org
  githubConfigSecret: github-secret
  minRunners: 0
  maxRunners: 5
  template:
    spec:
      restartPolicy: Never
      containers: [{ name: runner, image: "ghcr.io/actions/actions-runner:latest" }]
`;

async function eventually(what: string, look: () => Promise<boolean> | boolean): Promise<void> {
  for (let attempt = 0; attempt < 400; attempt++) {
    if (await look()) return;
    await clock.sleep(100);
  }
  throw new Error(`${what}: did not come true within 40 s; the reconciler said:\n${output}`);
}

const setOf = async () =>
  (await client.list<EphemeralRunnerSet>(ephemeralRunnerSets, { namespace })).items[0];
const runners = async () =>
  (await client.list<EphemeralRunner>(ephemeralRunners, { namespace })).items;

async function order(replicas: number, patchID: number): Promise<void> {
  const name = (await setOf())?.metadata.name ?? "";
  const body = { spec: { replicas, patchID } };
  await client.patch(ephemeralRunnerSets, { namespace, name }, { type: "merge", body });
}

function writeKubeconfig(token: string): string {
  const file = join(dir, "kubeconfig.yaml");
  const ca = Buffer.from(plane.caPem).toString("base64");
  const text = `
apiVersion: v1
kind: Config
current-context: here
contexts: [{ name: here, context: { cluster: here, user: reconciler } }]
clusters: [{ name: here, cluster: { server: "${plane.server}", certificate-authority-data: ${ca} } }]
users: [{ name: reconciler, user: { token: "${token}" } }]
`;
  writeFileSync(file, text, { mode: 0o600 });
  return file;
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "runlet-reconciler-"));
  ({ kubectl } = await getClientBinaries());
  plane = await startControlPlane({
    controllers: true,
    crds: readCrds().split(/^---$/m),
    // Some clusters have it on; it wants a right of its own for blocking owner references.
    apiServerFlags: ["--enable-admission-plugins=OwnerReferencesPermissionEnforcement"],
  });
  service = await listen(github.app, 0);
  client = createKubernetesClient({
    access: {
      server: plane.server,
      token: async () => plane.adminToken,
      fetch: createHttpFetch({ clock, onlyCa: [plane.caPem] }),
    },
    clock,
    userAgent: "test",
    limitMs: 10_000,
  });
  apply(access(service.url));
  kubelet = createKubelet({
    clock,
    random,
    log,
    client,
    fetch: createHttpFetch({ clock }),
    renewEveryMs: 1_000,
    scenario: () => ({ imagePullMs: 20, startMs: 20, stopMs: 20 }),
  });
  await kubelet.ready();
  const token = await plane.serviceAccountToken("default", "runlet-reconciler");
  const args = [program, "--kubeconfig", writeKubeconfig(token), "--probe-port", "0"];
  reconciler = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
  for (const stream of [reconciler.stdout, reconciler.stderr]) {
    stream?.on("data", (chunk: Buffer) => (output += chunk.toString()));
  }
  await eventually("the reconciler", () => output.includes("reconciler_ready"));
}, 180_000);

afterAll(async () => {
  reconciler?.kill("SIGKILL");
  kubelet?.stop();
  await service?.close();
  await plane?.stop();
  if (dir) await rm(dir, { recursive: true, force: true });
});

describe("the reconciler on a real API server", () => {
  test("serves a set that kubectl applied", async () => {
    apply(runnerSet(service.url));
    await eventually("phase Running", async () => {
      const [set] = (await client.list<AutoscalingRunnerSet>(autoscalingRunnerSets)).items;
      return set?.status?.phase === "Running";
    });
    expect(github.control.scaleSets().map(({ name }) => name)).toEqual(["builders"]);
    expect((await setOf())?.metadata.annotations?.["runlet.dev/fence"]).toBe("0");
  });

  test("makes runners, runs a job, and takes the idle one back", async () => {
    github.control.queueJobs({ scaleSet: "builders", durationMs: 500 });
    await order(2, 1);
    await eventually("the job", () => github.control.ledger().counts.completed === 1);
    await eventually("one runner left", async () => (await runners()).length === 1);
    const status = async () => (await setOf())?.status;
    await eventually("the status", async () => (await status())?.runningEphemeralRunners === 1);
    expect(await status()).toMatchObject({ busyEphemeralRunners: 0, phase: "Running" });
    await order(0, 0);
    await eventually("no runner", async () => (await runners()).length === 0);
  });

  test("is quiet when nothing is to be done", async () => {
    await clock.sleep(2_500);
    const before = await setOf();
    await clock.sleep(3_000);
    expect((await setOf())?.metadata.resourceVersion).toBe(before?.metadata.resourceVersion);
  });

  test("leaves nothing when the set is deleted, and ends with exit code 0", async () => {
    await order(2, 2);
    await eventually(
      "two runners",
      async () => (await setOf())?.status?.runningEphemeralRunners === 2,
    );
    await client.remove(autoscalingRunnerSets, { namespace, name: "builders" });
    await eventually("no set", async () => {
      return (await client.list(autoscalingRunnerSets, { namespace })).items.length === 0;
    });
    await eventually("no pods and Secrets", async () => {
      const left = await client.list(secrets, { namespace });
      const jit = left.items.filter(({ metadata }) => metadata.name.includes("-runner-"));
      return jit.length === 0 && (await client.list(pods, { namespace })).items.length === 0;
    });
    expect(github.control.scaleSets()).toEqual([]);
    expect(github.control.runners()).toEqual([]);
    const ended = new Promise((resolve) => reconciler.once("exit", resolve));
    reconciler.kill("SIGTERM");
    expect(await ended).toBe(0);
    expect(output).not.toMatch(/ghp_test|pass_failed/);
  });
});
