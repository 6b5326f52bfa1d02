// Why: the reconciler alone in a whole cluster: API server, kubelet and Actions Service are simulators, time is
// virtual, and the pair (replicas, patchID) is written by the test in place of a poller. Server modes differ in the
// messages alone, and only a poller reads those: stories of the reconciler are played in one.
import { createKubernetesClient, type KubernetesClient } from "@runlet/kubernetes/client";
import { readCrds } from "@runlet/kubernetes/crds";
import {
  autoscalingRunnerSets,
  ephemeralRunners,
  ephemeralRunnerSets,
  labels,
  type AutoscalingRunnerSet,
  type EphemeralRunner,
  type EphemeralRunnerSet,
} from "@runlet/kubernetes/resources";
import { composeReconciler } from "@runlet/reconciler/compose";
import type { Reconciler, ReconcilerOptions } from "@runlet/reconciler/reconciler";
import { createLifeline, type EffectPoint, type Lifeline } from "@runlet/runlet/world/lifeline";
import { readRole } from "@runlet/runlet/world/manifests";
import type { Clock } from "@runlet/runtime/clock";
import type { Fetch } from "@runlet/runtime/fetch";
import { createLog, createSilentLog, type Log } from "@runlet/runtime/log";
import { createSeededRandom } from "@runlet/runtime/random";
import { createVirtualClock } from "@runlet/runtime/virtual-clock";
import { createActionsServiceSimulator } from "@runlet/simulators/actions-service/simulator";
import type { Knobs, Mode } from "@runlet/simulators/actions-service/knobs";
import { createKubeApiSimulator } from "@runlet/simulators/kube-api/simulator";
import { createKubelet } from "@runlet/simulators/kubelet/kubelet";
import type { Scenario } from "@runlet/simulators/kubelet/scenario";

export const pat = "ghp_0123456789abcdefghijklmnopqrstuvwxyz";
export const namespace = "runners";
export const configUrl = "https://github.com/my-org";

/** The reconciler may do exactly what its shipped role says. */
const roleManifests = `
${readRole("runlet-reconciler")}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: runlet-reconciler }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: runlet-reconciler }
subjects: [{ kind: ServiceAccount, name: runlet-reconciler, namespace: default }]
`;

export interface WorldOptions {
  seed?: number;
  mode?: Mode;
  /** A GitHub App that may come in beside the PAT. */
  app?: { ids: string[]; installationIds: number[]; publicKey: string };
  knobs?: Partial<Knobs>;
  scenario?: Scenario;
  reconciler?: ReconcilerOptions;
  /** False: the test starts it itself. */
  start?: boolean;
  /** How much the reconciler's wall clock is ahead of everybody else's. */
  skewMs?: number;
  /** Takes the reconciler's log, line by line. */
  logTo?: (line: string) => void;
}

export interface RunningReconciler {
  reconciler: Reconciler;
  life: Lifeline<ReconcilerPorts>;
  /** Ends it as SIGTERM does. */
  stop(): Promise<void>;
}

export type World = ReturnType<typeof createWorld>;

export function createWorld(options: WorldOptions = {}) {
  const clock = createVirtualClock();
  const random = createSeededRandom(options.seed ?? 1);
  const kube = createKubeApiSimulator({ clock, random });
  const github = createActionsServiceSimulator(
    { clock, random },
    {
      mode: options.mode ?? "auto-assign",
      pat,
      ...(options.app ? { app: options.app } : {}),
      knobs: { assignWithoutSession: true, ...options.knobs },
    },
  );
  const admin = kubeClient(kube.fetch, kube.adminToken, clock);
  const kubelet = createKubelet({
    clock,
    random,
    log: createSilentLog(),
    client: admin,
    fetch: github.fetch,
    ...(options.scenario ? { scenario: options.scenario } : {}),
  });
  const write = options.logTo ?? (() => {});
  const log = createLog({ write, wallMs: () => clock.wallMs() }, { level: "debug" });
  const own = { ...clock, wallMs: () => clock.wallMs() + (options.skewMs ?? 0) };

  /** A reconciler with a life of its own; `onEffect` may kill it at any line. */
  function start(
    onEffect?: (point: EffectPoint, life: Lifeline<ReconcilerPorts>) => void,
  ): RunningReconciler {
    const life = createLifeline(lifelinePorts(kube.fetch, github.fetch, own, log), onEffect);
    const stop = new AbortController();
    const reconciler = makeReconciler(life, token, random, options.reconciler);
    const ended = reconciler.run(stop.signal);
    // One that cannot start is seen by what does not happen.
    ended.catch((error: unknown) => log.error("reconciler_failed", { error }));
    return {
      reconciler,
      life,
      async stop() {
        stop.abort(new Error("SIGTERM"));
        await ended;
      },
    };
  }

  kube.applyManifests(readCrds());
  kube.applyManifests(roleManifests);
  const token = kube.tokenFor({ namespace: "default", name: "runlet-reconciler" }, 10 * 86_400_000);
  applyNamespace(kube, namespace, true);
  const first = options.start === false ? undefined : start();
  const seen = { clock, random, kube, github, kubelet, admin, start, first, ...views(kube, admin) };
  return {
    ...seen,
    /** Everything that must not be there once nothing is wanted any more. */
    leftovers: () => ({
      runners: seen.runners().map(({ metadata }) => metadata.name),
      pods: seen.pods().map(({ metadata }) => metadata.name),
      secrets: seen.jitSecrets().map(({ metadata }) => metadata.name),
      registrations: github.control.runners().map(({ name }) => name),
    }),
    /** Starts a set and waits until it could take orders. */
    async serve(name: string, extra = "", more: { annotations?: string } = {}) {
      kube.applyManifests(runnerSetManifest(name, extra, more));
      const isUp = () => seen.runnerSetOf(name)?.status?.phase === "Running";
      await clock.runUntil(isUp, 5_000, `${name} to be served`);
    },
    /** Tells the cluster which runners have jobs, as a poller does. */
    async tellJobs() {
      for (const job of github.control.ledger().jobs) {
        if (job.state !== "running" || job.runnerName === undefined) continue;
        const key = { namespace, name: job.runnerName };
        const status = { jobId: job.jobId, jobDisplayName: job.displayName };
        const patch = { type: "merge", body: { status } } as const;
        await admin.patch(ephemeralRunners, key, patch, { subresource: "status" });
      }
    },
  };
}

export const nothing = { runners: [], pods: [], secrets: [], registrations: [] };

type Simulator = ReturnType<typeof createKubeApiSimulator>;

export function applyNamespace(kube: Simulator, name: string, managed: boolean) {
  kube.applyManifests(`
apiVersion: v1
kind: Namespace
metadata: { name: ${name}, labels: { ${labels.managed}: "${managed}" } }
---
apiVersion: v1
kind: Secret
metadata: { name: github-secret, namespace: ${name} }
data: { github_token: ${Buffer.from(pat).toString("base64")} }
`);
}

/** An AutoscalingRunnerSet; `extra` is YAML at the level of `spec`'s fields. */
export function runnerSetManifest(
  name: string,
  extra = "",
  more: { namespace?: string; annotations?: string } = {},
): string {
  return `
apiVersion: actions.github.com/v1alpha1
kind: AutoscalingRunnerSet
metadata:
  name: ${name}
  namespace: ${more.namespace ?? namespace}
  annotations: { ${more.annotations ?? ""} }
  labels: { app.kubernetes.io/version: 0.14.2, team: blue }
spec:
  githubConfigUrl: ${configUrl}
  githubConfigSecret: github-secret
  template:
    spec:
      restartPolicy: Never
      containers:
        - { name: runner, image: "ghcr.io/actions/actions-runner:latest", command: [/home/runner/run.sh] }
${extra}`;
}

/** What a reconciler has of the outside world. */
export interface ReconcilerPorts {
  clock: Clock;
  fetch: Fetch;
  log: Log;
}

function lifelinePorts(kube: Fetch, github: Fetch, clock: Clock, log: Log): ReconcilerPorts {
  const fetch: Fetch = (url, init) =>
    url.startsWith("https://kube.test/") ? kube(url, init) : github(url, init);
  return { clock, fetch, log };
}

function kubeClient(
  fetch: Fetch,
  token: string,
  clock: Clock,
  userAgent = "test",
): KubernetesClient {
  return createKubernetesClient({
    access: { server: "https://kube.test", token: async () => token, fetch },
    clock,
    userAgent,
    limitMs: 10_000,
  });
}

function makeReconciler(
  life: Lifeline<ReconcilerPorts>,
  token: string,
  random: ReturnType<typeof createSeededRandom>,
  options: ReconcilerOptions = {},
): Reconciler {
  const { fetch } = life.ports;
  const access = { server: "https://kube.test", token: async () => token, fetch };
  return composeReconciler({ ...life.ports, random, access, fetchFor: () => fetch }, options);
}

const api = "actions.github.com/v1alpha1";

function views(kube: Simulator, admin: KubernetesClient) {
  // The simulator's store holds what the API accepted: objects of that very kind.
  const all = <T>(kind: string, version = api) => kube.objects(version, kind) as unknown as T[];
  const runnerSets = () => all<EphemeralRunnerSet>("EphemeralRunnerSet");
  return {
    runnerSets,
    autoscaling: () => all<AutoscalingRunnerSet>("AutoscalingRunnerSet"),
    runners: () => all<EphemeralRunner>("EphemeralRunner"),
    pods: () => kube.objects("v1", "Pod"),
    jitSecrets: () =>
      kube.objects("v1", "Secret").filter(({ metadata }) => metadata.name.includes("-runner-")),
    events: () => kube.objects("v1", "Event") as unknown as { reason: string; message: string }[],
    runnerSetOf: (name: string) =>
      runnerSets().find(
        ({ metadata }) =>
          metadata.labels?.[labels.scaleSetName] === name && !metadata.deletionTimestamp,
      ),
    /** What a poller writes. */
    async order(name: string, replicas: number, patchID: number) {
      const set = runnerSets().find(
        ({ metadata }) =>
          metadata.labels?.[labels.scaleSetName] === name && !metadata.deletionTimestamp,
      );
      if (!set) throw new Error(`${name} has no runner set yet`);
      const key = { namespace: set.metadata.namespace ?? "", name: set.metadata.name };
      await admin.patch(ephemeralRunnerSets, key, {
        type: "merge",
        body: { spec: { replicas, patchID } },
      });
    },
    async deleteSet(name: string, where = namespace) {
      await admin.remove(autoscalingRunnerSets, { namespace: where, name });
    },
  };
}
