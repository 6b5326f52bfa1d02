// Why: one cluster of the world: an API server, its nodes, and a reconciler that can be killed and started again.
// Whoever talks to it does so with a service account's token and exactly the shipped role.
import {
  createKubernetesClient,
  type ClusterAccess,
  type KubernetesClient,
} from "@runlet/kubernetes/client";
import { readCrds } from "@runlet/kubernetes/crds";
import { composeReconciler } from "@runlet/reconciler/compose";
import type { Reconciler } from "@runlet/reconciler/reconciler";
import type { ReconcilerSettings } from "@runlet/reconciler/settings";
import type { Clock } from "@runlet/runtime/clock";
import type { Fetch } from "@runlet/runtime/fetch";
import type { Log } from "@runlet/runtime/log";
import { createSeededRandom, type Random } from "@runlet/runtime/random";
import type { User } from "@runlet/simulators/kube-api/authentication";
import {
  createKubeApiSimulator,
  type KubeApiSimulator,
} from "@runlet/simulators/kube-api/simulator";
import { createKubelet, type Kubelet } from "@runlet/simulators/kubelet/kubelet";
import type { Scenario } from "@runlet/simulators/kubelet/scenario";
import { createLifeline, type EffectPoint } from "./lifeline.ts";
import type { Transport } from "./transport.ts";
import { accessManifests, readRole, systemNamespace } from "./manifests.ts";

export interface ClusterDeps {
  clock: Clock;
  random: Random;
  log: Log;
  /** The way to the Actions Service, for reconciler and runners. */
  fetch: Fetch;
  /** What the pods of this cluster do; default: all goes well. */
  scenario?: Scenario;
  reconcilerSettings?: Partial<ReconcilerSettings>;
  /** Who bears a token that the cluster has not issued. */
  authenticate?: (token: string) => User | undefined;
  transport: Pick<Transport, "serveCluster" | "breakConnection">;
}

/** A cluster is registered with a long-lived token, as a kubeconfig holds one. */
const tokenTtlMs = 365 * 24 * 3_600_000;

export type Account = "runlet-reconciler" | "runlet-control-plane";

export interface WorldCluster {
  name: string;
  api: KubeApiSimulator;
  kubelet: Kubelet;
  /** A client with everything allowed: the test's own eyes and hands. */
  admin: KubernetesClient;
  access(account: Account): ClusterAccess;
  /** Undefined while it is down. */
  reconciler(): Reconciler | undefined;
  /** Starts a new one (ending one that runs); `onEffect` may strike it at any line. */
  startReconciler(onEffect?: (point: EffectPoint, life: { kill(): void }) => void): void;
  /** Ends it between two lines, as SIGKILL does; its open calls are cut. */
  killReconciler(): void;
  stop(): void;
}

/** A cluster with CRDs, namespaces, accounts and nodes; its reconciler is not started. */
export async function createWorldCluster(deps: ClusterDeps, name: string): Promise<WorldCluster> {
  const { clock, random } = deps;
  const { breakConnection } = deps.transport;
  const api = createKubeApiSimulator(
    { clock, random },
    {
      tokenTtlMs,
      ...(breakConnection && { breakConnection }),
      ...(deps.authenticate && { authenticate: deps.authenticate }),
    },
  );
  const accessWith = await deps.transport.serveCluster(name, api);
  api.applyManifests(readCrds());
  api.applyManifests(accessManifests());
  api.applyManifests(readRole("runlet-reconciler"));
  api.applyManifests(readRole("runlet-control-plane"));
  const log = deps.log.with({ cluster: name });
  const clientWith = (access: ClusterAccess, userAgent: string) =>
    createKubernetesClient({ access, clock, userAgent, limitMs: 5_000 });
  // The test's eyes: never through a fault's way.
  const direct = { server: `https://${name}.direct`, token: async () => api.adminToken };
  const admin = clientWith({ ...direct, fetch: api.fetch }, "world");
  const { scenario, fetch } = deps;
  const kubelet = createKubelet({
    clock,
    random,
    log,
    fetch,
    client: admin,
    renewEveryMs: 1_000,
    ...(scenario && { scenario }),
  });
  api.setPodLogs(({ namespace, pod, container }) =>
    kubelet.logs({ namespace, name: pod }, container),
  );
  const access = (account: Account) =>
    accessWith(api.tokenFor({ namespace: systemNamespace, name: account }));

  let running: { reconciler: Reconciler; life: { kill(): void } } | undefined;
  const kill = () => {
    running?.life.kill();
    running = undefined;
  };
  return {
    name,
    api,
    kubelet,
    admin,
    access,
    reconciler: () => running?.reconciler,
    startReconciler(onEffect) {
      kill();
      const reach = access("runlet-reconciler");
      // One fetch for both outside worlds: a life has one, so that its effects are counted in one row.
      const both: Fetch = (url, init) =>
        (url.startsWith(reach.server) ? reach.fetch : fetch)(url, init);
      const { ports, ...life } = createLifeline({ clock, log, fetch: both }, onEffect);
      const reconciler = composeReconciler(
        {
          ...ports,
          random: createSeededRandom(random.int(2 ** 31)),
          access: { ...reach, fetch: ports.fetch },
          // The simulated service is reached directly, whatever CA and proxy a set names.
          fetchFor: () => ports.fetch,
        },
        deps.reconcilerSettings ? { settings: deps.reconcilerSettings } : {},
      );
      running = { reconciler, life };
      reconciler.run(new AbortController().signal).catch((error: unknown) => {
        log.error("reconciler_ended", { error });
      });
    },
    killReconciler: kill,
    stop() {
      kill();
      kubelet.stop();
      api.close();
    },
  };
}
