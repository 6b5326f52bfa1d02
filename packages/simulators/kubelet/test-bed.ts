// Why: the tests of this folder need what is around a kubelet: an API server, the Actions Service, somebody
// who listens for jobs, and runners as a reconciler makes them. All in this thread, under a virtual clock.
import { createActionsService } from "@runlet/actions-service/client";
import type { ActionsService, Outcome } from "@runlet/actions-service/service";
import { createKubernetesClient, type KubernetesObject } from "@runlet/kubernetes/client";
import { namespaces, pods, secrets } from "@runlet/kubernetes/resources";
import { createSilentLog } from "@runlet/runtime/log";
import { createSeededRandom } from "@runlet/runtime/random";
import { createVirtualClock } from "@runlet/runtime/virtual-clock";
import { createActionsServiceSimulator } from "../actions-service/simulator.ts";
import { createKubeApiSimulator } from "../kube-api/simulator.ts";
import { createKubelet, type KubeletDeps } from "./kubelet.ts";
import type { Container, Pod } from "./pod.ts";
import type { PodPlan, Scenario } from "./scenario.ts";

export interface BedOptions {
  /** The same for every pod … */
  plan?: Partial<PodPlan>;
  /** … or for each its own. */
  scenario?: Scenario;
  nodes?: string[];
  seed?: number;
}

interface Secret extends KubernetesObject {
  data: Record<string, string>;
}

export type Bed = Awaited<ReturnType<typeof createBed>>;

const namespace = "runners";
const adminToken = "admin-of-the-bed";

/** A cluster with a namespace, a service with a scale set and an open session, a kubelet. */
export async function createBed(options: BedOptions = {}) {
  const clock = createVirtualClock();
  const random = createSeededRandom(options.seed ?? 1);
  const api = createKubeApiSimulator({ clock, random }, { adminToken });
  const github = createActionsServiceSimulator(
    { clock, random },
    { mode: "auto-assign", pat: "pat", baseUrl: "https://service.test" },
  );
  const client = createKubernetesClient({
    access: { server: "https://kube.test", fetch: api.fetch, token: async () => api.adminToken },
    clock,
    userAgent: "kubelet-test",
    limitMs: 5_000,
  });
  const service = createActionsService({
    fetch: github.fetch,
    clock,
    random,
    log: createSilentLog(),
    configUrl: "https://github.com/org",
    credential: async () => ({ kind: "pat", token: "pat" }),
    system: { name: "test", version: "0", subsystem: "kubelet" },
    limitMs: 5_000,
  });
  const deps: KubeletDeps = {
    clock,
    random,
    log: createSilentLog(),
    client,
    fetch: github.fetch,
    scenario: options.scenario ?? (() => options.plan ?? {}),
    renewEveryMs: 1_000,
    ...(options.nodes ? { nodes: options.nodes } : {}),
  };
  const kubelet = createKubelet(deps);
  const scaleSetId = await runUntil(clock, prepare(client, service));
  await runUntil(clock, kubelet.ready());
  return { clock, random, api, github, client, service, kubelet, deps, scaleSetId };
}

async function prepare(
  client: ReturnType<typeof createKubernetesClient>,
  service: ActionsService,
): Promise<number> {
  await client.create(namespaces, { metadata: { name: namespace } });
  const set = must(
    await service.createScaleSet({ name: "linux", runnerGroupId: 1, labels: ["linux"] }),
  );
  return set.id;
}

/** Moves virtual time as little as needed for `call` to end. */
export async function runUntil<T>(
  clock: ReturnType<typeof createVirtualClock>,
  call: Promise<T>,
): Promise<T> {
  let ended = false;
  const end = () => void (ended = true);
  call.then(end, end);
  await clock.runUntil(() => ended, 60_000, "a call of the test");
  return call;
}

export function must<T>(outcome: Outcome<T>): T {
  if (outcome.ok) return outcome.value;
  throw new Error(outcome.failure.message);
}

/** Queues a job and has it assigned to the scale set, as a listener's poll does. */
export async function assignJobs(bed: Bed, order: { count?: number; durationMs?: number } = {}) {
  const jobs = bed.github.control.queueJobs({ scaleSet: "linux", durationMs: 5_000, ...order });
  await runUntil(bed.clock, listenOnce(bed, jobs.length));
  return jobs.map((job) => job.key);
}

async function listenOnce(bed: Bed, maxCapacity: number): Promise<void> {
  const session = must(await bed.service.createSession(bed.scaleSetId, "test"));
  const message = must(await bed.service.poll(session, { lastMessageId: 0, maxCapacity }));
  if (message) must(await bed.service.acknowledge(session, message.messageId));
  must(await bed.service.deleteSession(bed.scaleSetId, session.sessionId));
}

/** A registered runner's Secret and pod, as a reconciler makes them. */
export async function createRunner(
  bed: Bed,
  name: string,
  more: { containers?: Container[]; initContainers?: Container[]; restartPolicy?: string } = {},
): Promise<string> {
  return runUntil(bed.clock, makeRunner(bed, name, more));
}

async function makeRunner(
  bed: Bed,
  name: string,
  more: { containers?: Container[]; initContainers?: Container[]; restartPolicy?: string },
): Promise<string> {
  const jit = must(await bed.service.generateJitConfig(bed.scaleSetId, { name, workFolder: "" }));
  const data = { jitToken: Buffer.from(jit.encoded).toString("base64") };
  const secret: Secret = { metadata: { namespace, name }, data };
  await bed.client.create(secrets, secret);
  await createPod(bed, name, more);
  return jit.encoded;
}

export async function createPod(
  bed: Bed,
  name: string,
  more: { containers?: Container[]; initContainers?: Container[]; restartPolicy?: string } = {},
): Promise<void> {
  const variable = {
    name: "ACTIONS_RUNNER_INPUT_JITCONFIG",
    valueFrom: { secretKeyRef: { name, key: "jitToken" } },
  };
  const runner: Container = { name: "runner", image: "runner:1", env: [variable] };
  const pod: Pod = {
    metadata: { namespace, name },
    spec: {
      restartPolicy: more.restartPolicy ?? "Never",
      ...(more.initContainers ? { initContainers: more.initContainers } : {}),
      containers: [runner, ...(more.containers ?? [])],
    },
  };
  await bed.client.create(pods, pod);
}

/** The pod as the API server has it. */
export function podOf(bed: Bed, name: string): Pod | undefined {
  // The store holds pods as they came over the wire.
  return bed.api.object("v1", "Pod", { namespace, name }) as Pod | undefined;
}

export function phaseOf(bed: Bed, name: string): string | undefined {
  return podOf(bed, name)?.status?.phase;
}

export const key = (name: string) => ({ namespace, name });
