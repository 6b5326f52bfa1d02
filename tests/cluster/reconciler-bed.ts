// Why: a whole cluster for the reconciler's process: a real API server with its controllers, our simulators of kubelet
// and Actions Service, the account with exactly the shipped rights, and eyes for what is left over.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
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
  type EphemeralRunner,
  type EphemeralRunnerSet,
} from "@runlet/kubernetes/resources";
import { createSystemClock, type Clock } from "@runlet/runtime/clock";
import { createHttpFetch } from "@runlet/runtime/http";
import { createSilentLog } from "@runlet/runtime/log";
import { createSystemRandom } from "@runlet/runtime/random";
import type { Knobs } from "@runlet/simulators/actions-service/knobs";
import { listen } from "@runlet/simulators/actions-service/listen";
import {
  createActionsServiceSimulator,
  type ActionsServiceSimulator,
} from "@runlet/simulators/actions-service/simulator";
import { createKubelet, type Kubelet } from "@runlet/simulators/kubelet/kubelet";
import type { Scenario } from "@runlet/simulators/kubelet/scenario";
import { getClientBinaries } from "./binaries.ts";
import { bundleReconciler } from "./bundle.ts";
import { startControlPlane, type ControlPlane, type ControlPlaneOptions } from "./control-plane.ts";
import { reconcilerAccess, release, systemNamespace } from "./reconciler-access.ts";
import { startReconcilerProcess, type ReconcilerProcess } from "./reconciler-process.ts";

export const pat = "ghp_0123456789abcdefghijklmnopqrstuvwxyz";
export const namespace = "runners";

export interface ReconcilerBedOptions {
  plane?: Partial<ControlPlaneOptions>;
  knobs?: Partial<Knobs>;
  scenario?: Scenario;
  /** Rights in one namespace only, with a Role and no ClusterRole. */
  single?: boolean;
  /** An account for the control plane too. */
  poller?: boolean;
  /** Another bed, whose Actions Service this cluster uses as well; it must live longer. */
  beside?: Pick<ReconcilerBed, "github" | "serviceUrl">;
}

export interface ReconcilerBed {
  clock: Clock;
  plane: ControlPlane;
  github: ActionsServiceSimulator;
  serviceUrl: string;
  /** Of the organisation my-org. */
  configUrl: string;
  /** The test's own eyes and hands. */
  admin: KubernetesClient;
  kubelet: Kubelet;
  apply(manifest: string): void;
  /** `through`: by a proxy before the API server. */
  startReconciler(
    flags?: string[],
    through?: Pick<ControlPlane, "server" | "caPem">,
  ): Promise<ReconcilerProcess>;
  setOf(name: string): Promise<EphemeralRunnerSet | undefined>;
  runners(): Promise<EphemeralRunner[]>;
  /** What a poller writes. */
  order(name: string, replicas: number, patchID: number): Promise<void>;
  /** Applies a set of an organisation (default my-org) and waits until it could take orders. */
  serve(name: string, extra?: string, organisation?: string): Promise<void>;
  eventually(
    what: string,
    look: () => Promise<boolean> | boolean,
    limitMs?: number,
  ): Promise<number>;
  leftovers(): Promise<Leftovers>;
  stop(): Promise<void>;
}

export interface Leftovers {
  runnerSets: string[];
  runners: string[];
  pods: string[];
  secrets: string[];
  registrations: string[];
  scaleSets: string[];
}

export const nothing: Leftovers = {
  runnerSets: [],
  runners: [],
  pods: [],
  secrets: [],
  registrations: [],
  scaleSets: [],
};

const fast: Scenario = () => ({ imagePullMs: 20, startMs: 20, stopMs: 20 });

/** About ten seconds. */
export async function startReconcilerBed(
  options: ReconcilerBedOptions = {},
): Promise<ReconcilerBed> {
  const clock = createSystemClock();
  const random = createSystemRandom();
  const bundle = process.env["RUNLET_RECONCILER"] ?? (await bundleReconciler());
  const { kubectl } = await getClientBinaries();
  const dir = mkdtempSync(join(tmpdir(), "runlet-reconciler-"));
  const { github, serviceUrl, ...service } = options.beside
    ? { ...options.beside, close: async () => {} }
    : await serveGitHub(clock, options.knobs);
  const plane = await startControlPlane({
    controllers: true,
    crds: readCrds().split(/^---$/m),
    ...options.plane,
  });
  const processes: ReconcilerProcess[] = [];
  const apply = (manifest: string) => {
    const args = ["--kubeconfig", plane.kubeconfigPath, "apply", "-f", "-"];
    execFileSync(kubectl, args, { input: manifest, stdio: ["pipe", "pipe", "inherit"] });
  };
  apply(await reconcilerAccess(namespace, options));
  apply(credential);
  const reach = createHttpFetch({ clock, onlyCa: [plane.caPem] });
  const admin = createKubernetesClient({
    access: { server: plane.server, token: async () => plane.adminToken, fetch: reach },
    clock,
    userAgent: "runlet-test",
    limitMs: 10_000,
  });
  const kubeletFetch = createHttpFetch({ clock });
  const kubelet = createKubelet({
    clock,
    random,
    log: createSilentLog(),
    client: admin,
    fetch: kubeletFetch,
    renewEveryMs: 1_000,
    scenario: options.scenario ?? fast,
  });
  await kubelet.ready();
  const eyes = createEyes({ admin, github, clock, said: () => processes.map((p) => p.output()) });
  return {
    clock,
    plane,
    github,
    serviceUrl,
    configUrl: `${serviceUrl}/my-org`,
    admin,
    kubelet,
    apply,
    ...eyes,
    async startReconciler(flags = [], { server, caPem } = plane) {
      const token = await plane.serviceAccountToken(systemNamespace, release);
      const started = startReconcilerProcess({ server, caPem, bundle, token, dir, flags });
      processes.push(started);
      await started.until("pages_served");
      return started;
    },
    async serve(name, extra = "", organisation = "my-org") {
      apply(runnerSetManifest(name, `${serviceUrl}/${organisation}`, extra));
      await eyes.eventually(`${name} to be served`, async () => {
        return (await eyes.setOf(name))?.status?.phase === "Running";
      });
    },
    async stop() {
      for (const one of processes) one.signal("SIGKILL");
      kubelet.stop();
      await service.close();
      reach.close();
      kubeletFetch.close();
      await plane.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

async function serveGitHub(clock: Clock, knobs: Partial<Knobs> = {}) {
  const github = createActionsServiceSimulator(
    { clock, random: createSystemRandom() },
    { mode: "auto-assign", pat, knobs: { assignWithoutSession: true, ...knobs } },
  );
  const server = await listen(github.app, 0);
  return {
    github,
    serviceUrl: server.url,
    async close() {
      github.stop();
      await server.close();
    },
  };
}

interface EyesDeps {
  admin: KubernetesClient;
  github: ActionsServiceSimulator;
  clock: Clock;
  said(): string[];
}

function createEyes({ admin, github, clock, said }: EyesDeps) {
  const list = async <T extends { metadata: { name: string } }>(
    resource: typeof pods,
  ): Promise<T[]> => (await admin.list(resource, { namespace })).items as unknown as T[];
  const names = async (resource: typeof pods) =>
    (await list(resource)).map(({ metadata }) => metadata.name);
  const setOf = async (name: string) =>
    (await list<EphemeralRunnerSet>(ephemeralRunnerSets)).find(
      ({ metadata }) => metadata.name.startsWith(`${name}-`) && !metadata.deletionTimestamp,
    );
  return {
    setOf,
    runners: () => list<EphemeralRunner>(ephemeralRunners),
    async order(name: string, replicas: number, patchID: number) {
      const key = { namespace, name: (await setOf(name))?.metadata.name ?? "" };
      const body = { spec: { replicas, patchID } };
      await admin.patch(ephemeralRunnerSets, key, { type: "merge", body });
    },
    /** Looks every 100 ms; resolves to the ms that it took. A look that fails is no. */
    async eventually(
      what: string,
      look: () => Promise<boolean> | boolean,
      limitMs = 40_000,
    ): Promise<number> {
      const begun = clock.nowMs();
      let last: unknown;
      while (clock.nowMs() - begun < limitMs) {
        try {
          if (await look()) return clock.nowMs() - begun;
        } catch (error) {
          last = error;
        }
        await clock.sleep(100);
      }
      const words = said().map((text) => text.slice(-6_000));
      throw new Error(
        `${what}: not within ${limitMs} ms (${String(last)})\n${words.join("\n--\n")}`,
      );
    },
    async leftovers(): Promise<Leftovers> {
      const sets = [...(await names(autoscalingRunnerSets)), ...(await names(ephemeralRunnerSets))];
      return {
        runnerSets: sets,
        runners: await names(ephemeralRunners),
        pods: await names(pods),
        secrets: (await names(secrets)).filter((name) => name !== "github-secret"),
        registrations: github.control.runners().map(({ name }) => name),
        scaleSets: github.control.scaleSets().map(({ name }) => name),
      };
    },
  };
}

const credential = `
apiVersion: v1
kind: Secret
metadata: { name: github-secret, namespace: ${namespace} }
stringData: { github_token: ${pat} }
`;

/** `extra`: YAML at the level of the fields of `spec`. */
export function runnerSetManifest(
  name: string,
  configUrl: string,
  extra = "",
  annotations = "",
): string {
  return `
apiVersion: actions.github.com/v1alpha1
kind: AutoscalingRunnerSet
metadata:
  name: ${name}
  namespace: ${namespace}
  labels: { app.kubernetes.io/version: 0.14.2 }
  annotations: { ${annotations} }
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
