// Why: the kubelet simulator stands in for nodes also where the API server is real. What it writes must be
// taken by a real one, and a real one's deletion, binding and garbage collection must find it as expected.
import { createActionsService } from "@runlet/actions-service/client";
import type { Outcome } from "@runlet/actions-service/service";
import {
  createKubernetesClient,
  type KubernetesClient,
  type KubernetesObject,
} from "@runlet/kubernetes/client";
import { configMaps, namespaces, pods, secrets } from "@runlet/kubernetes/resources";
import { createWatchedKind } from "@runlet/kubernetes/watch";
import { createSystemClock } from "@runlet/runtime/clock";
import { createHttpFetch } from "@runlet/runtime/http";
import { createSilentLog } from "@runlet/runtime/log";
import { createSystemRandom } from "@runlet/runtime/random";
import { createActionsServiceSimulator } from "@runlet/simulators/actions-service/simulator";
import { createKubelet, type Kubelet } from "@runlet/simulators/kubelet/kubelet";
import type { Pod } from "@runlet/simulators/kubelet/pod";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startControlPlane, type ControlPlane } from "./control-plane.ts";

const clock = createSystemClock();
const random = createSystemRandom();
const log = createSilentLog();
const namespace = "runners";
const key = (name: string) => ({ namespace, name });

interface Secret extends KubernetesObject {
  data: Record<string, string>;
}

let plane: ControlPlane;
let client: KubernetesClient;
let kubelet: Kubelet;
let scaleSetId = 0;
const stop = new AbortController();

const github = createActionsServiceSimulator(
  { clock, random },
  { mode: "auto-assign", pat: "pat", baseUrl: "https://service.test", knobs: { holdMs: 500 } },
);
const service = createActionsService({
  fetch: github.fetch,
  clock,
  random,
  log,
  configUrl: "https://github.com/org",
  credential: async () => ({ kind: "pat", token: "pat" }),
  system: { name: "test", version: "0", subsystem: "kubelet" },
  limitMs: 5_000,
});

function must<T>(outcome: Outcome<T>): T {
  if (outcome.ok) return outcome.value;
  throw new Error(outcome.failure.message);
}

async function eventually(what: string, look: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt++) {
    if (await look()) return;
    await clock.sleep(100);
  }
  throw new Error(`${what}: did not come true within 30 s`);
}

const podOf = (name: string) => client.find<Pod>(pods, key(name));
const phase = (name: string, wanted: string) =>
  eventually(`${name} ${wanted}`, async () => (await podOf(name))?.status?.phase === wanted);

async function createRunner(name: string): Promise<void> {
  const jit = must(await service.generateJitConfig(scaleSetId, { name, workFolder: "" }));
  const data = { jitToken: Buffer.from(jit.encoded).toString("base64") };
  await client.create<Secret>(secrets, { metadata: key(name), data });
  const secretKeyRef = { name, key: "jitToken" };
  const env = [{ name: "ACTIONS_RUNNER_INPUT_JITCONFIG", valueFrom: { secretKeyRef } }];
  await client.create<Pod>(pods, {
    metadata: key(name),
    spec: { restartPolicy: "Never", containers: [{ name: "runner", image: "runner:1", env }] },
  });
}

async function assignJobs(count: number, durationMs: number): Promise<string[]> {
  const jobs = github.control.queueJobs({ scaleSet: "linux", count, durationMs });
  const session = must(await service.createSession(scaleSetId, "test"));
  must(await service.poll(session, { lastMessageId: 0, maxCapacity: 1_000 }));
  must(await service.deleteSession(scaleSetId, session.sessionId));
  return jobs.map((job) => job.key);
}

beforeAll(async () => {
  plane = await startControlPlane({ controllers: true });
  client = createKubernetesClient({
    access: {
      server: plane.server,
      token: async () => plane.adminToken,
      fetch: createHttpFetch({ clock, onlyCa: [plane.caPem] }),
    },
    clock,
    userAgent: "runlet-kubelet-simulator",
    limitMs: 10_000,
  });
  await client.create(namespaces, { metadata: { name: namespace } });
  const accounts = { ...secrets, plural: "serviceaccounts", kind: "ServiceAccount" };
  await eventually("the default service account", async () =>
    Boolean(await client.find(accounts, key("default"))),
  );
  const set = { name: "linux", runnerGroupId: 1, labels: ["linux"] };
  scaleSetId = must(await service.createScaleSet(set)).id;
  kubelet = createKubelet({
    clock,
    random,
    log,
    client,
    fetch: github.fetch,
    renewEveryMs: 1_000,
    scenario: () => ({ imagePullMs: 50, startMs: 20, stopMs: 50 }),
  });
  await kubelet.ready();
}, 180_000);

afterAll(async () => {
  stop.abort(new Error("the suite is over"));
  kubelet?.stop();
  github.stop();
  await plane?.stop();
});

test("twenty runners are bound, run, take a job each and succeed", async () => {
  const jobs = await assignJobs(20, 300);
  const names = jobs.map((_, index) => `many-${index}`);
  await Promise.all(names.map(createRunner));
  await Promise.all(names.map((name) => phase(name, "Succeeded")));
  const ran = jobs.map((job) => github.control.findJob(job));
  expect(ran.every((job) => job?.outcome === "succeeded")).toBe(true);
  expect(new Set(ran.map((job) => job?.runnerName)).size).toBe(20);
  const pod = await podOf("many-0");
  expect(pod?.spec?.nodeName).toBe("node-1");
  expect(pod?.status?.containerStatuses?.[0]?.state.terminated).toMatchObject({ exitCode: 0 });
  await Promise.all(names.map((name) => client.remove(pods, key(name))));
  expect((await client.list(pods, { namespace })).items).toEqual([]);
});

test("a deleted pod waits for its kubelet, which stops the runner and lets it go", async () => {
  await createRunner("idle");
  await phase("idle", "Running");
  await client.remove(pods, key("idle"));
  await eventually("the pod to go", async () => (await podOf("idle")) === undefined);
  const registered = github.control.runners().find((runner) => runner.name === "idle");
  expect(registered?.state).toBe("offline");
});

test("eviction and an out-of-memory kill are statuses that a real API server takes", async () => {
  await Promise.all(["evicted", "killed"].map(createRunner));
  await Promise.all(["evicted", "killed"].map((name) => phase(name, "Running")));
  expect(kubelet.faults.evict(key("evicted"))).toBe(true);
  expect(kubelet.faults.outOfMemory(key("killed"))).toBe(true);
  await Promise.all(["evicted", "killed"].map((name) => phase(name, "Failed")));
  expect((await podOf("evicted"))?.status?.reason).toBe("Evicted");
  const [status] = (await podOf("killed"))?.status?.containerStatuses ?? [];
  expect(status?.state.terminated).toMatchObject({ exitCode: 137, reason: "OOMKilled" });
});

test("a lost node's pod hangs between life and death until the node is back (F56)", async () => {
  await createRunner("cut-off");
  await phase("cut-off", "Running");
  kubelet.faults.loseNode("node-1", { noticedMs: 200, evictedMs: 500 });
  await eventually("the order to go", async () => {
    const pod = await podOf("cut-off");
    return pod?.metadata.deletionTimestamp !== undefined;
  });
  const pod = await podOf("cut-off");
  expect(pod?.status?.phase).toBe("Running");
  expect(pod?.status?.conditions?.find((one) => one.type === "Ready")?.status).toBe("False");
  kubelet.faults.returnNode("node-1");
  await eventually("the pod to go", async () => (await podOf("cut-off")) === undefined);
});

test("after a restart of the API server watches go on and nothing is lost (F47, F48)", async () => {
  const watched = createWatchedKind<KubernetesObject>(
    { client, clock, random, log },
    { resource: configMaps, namespace, labelSelector: "of=restart", signal: stop.signal },
  );
  await watched.ready();
  const labels = { of: "restart" };
  await client.create(configMaps, { metadata: { ...key("before"), labels } });
  await eventually("before", async () => watched.find(key("before")) !== undefined);
  await plane.restartApiServer();
  await client.remove(configMaps, key("before"));
  await client.create(configMaps, { metadata: { ...key("after"), labels } });
  await eventually("after", async () => watched.find(key("after")) !== undefined);
  expect(watched.find(key("before"))).toBeUndefined();
  expect(watched.state().state).toBe("live");
  await assignJobs(1, 100);
  await createRunner("later");
  await phase("later", "Succeeded");
}, 120_000);
