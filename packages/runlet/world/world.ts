// Why: the Actions Service, clusters with their reconcilers, and the functions between them, in one value over a
// clock and a seed. Stories, seeds, demo and `runlet start` all play in it.
import type { Credentials } from "@runlet/coordination/credentials";
import { createRegistry } from "@runlet/coordination/registry";
import type { Table } from "@runlet/coordination/table";
import type { ClusterAccess } from "@runlet/kubernetes/client";
import type { ReconcilerSettings } from "@runlet/reconciler/settings";
import type { Clock } from "@runlet/runtime/clock";
import { createLog, type Log } from "@runlet/runtime/log";
import type { Random } from "@runlet/runtime/random";
import type { Settings } from "@runlet/runtime/settings";
import type { Knobs, Mode } from "@runlet/simulators/actions-service/knobs";
import {
  createActionsServiceSimulator,
  type ActionsServiceSimulator,
} from "@runlet/simulators/actions-service/simulator";
import type { User } from "@runlet/simulators/kube-api/authentication";
import type { KubeApiSimulator } from "@runlet/simulators/kube-api/simulator";
import type { Scenario } from "@runlet/simulators/kubelet/scenario";
import { createWorldCluster, type WorldCluster } from "./cluster.ts";
import type { Functions } from "./functions.ts";
import { credentialManifest, runnerSetManifest } from "./manifests.ts";
import type { ScaleSetPlan } from "./plan-scenario.ts";
import { observeCluster } from "./observe-cluster.ts";
import { createRecorder, type Recorder } from "./recorder.ts";
import type { Transport } from "./transport.ts";

export interface WorldOptions {
  mode: Mode;
  settings: Settings;
  clusters: string[];
  scaleSets: ScaleSetPlan[];
  knobs?: Partial<Knobs>;
  reconcilerSettings?: Partial<ReconcilerSettings>;
  scenario?: Scenario;
  /** Registers every cluster for these namespaces alone; default: those labelled as managed. */
  namespaces?: string[];
  /** Lines of the functions and reconcilers, besides what the recorder keeps. */
  onLine?: (line: string) => void;
}

/** What the functions of a world are made from; in process or as processes. */
export interface FunctionParts {
  clock: Clock;
  random: Random;
  log: Log;
  table: Table;
  settings: Settings;
  credentials: Credentials;
  configUrl: string;
  pat: string;
  webhookSecret: string;
  transport: Transport;
  /** `access` is the control plane's own; `api` stands for who runs the cluster. */
  clusters: ReadonlyMap<string, { access: ClusterAccess; api: KubeApiSimulator }>;
  /** Takes the functions' own log lines. */
  onLine: (line: string) => void;
}

export interface WorldDeps<F extends Functions> {
  clock: Clock;
  random: Random;
  table: Table;
  transport: Transport;
  /** Who bears a token that a cluster has not issued; default: nobody. */
  authenticate?: (cluster: string, token: string) => User | undefined;
  createFunctions: (parts: FunctionParts) => Promise<F>;
}

export interface World<F extends Functions = Functions> {
  clock: Clock;
  configUrl: string;
  pat: string;
  service: ActionsServiceSimulator;
  clusters: ReadonlyMap<string, WorldCluster>;
  functions: F;
  recorder: Recorder;
  /** Starts reconcilers and sweep, applies the runner sets (default: all). */
  start(scaleSets?: readonly ScaleSetPlan[]): Promise<void>;
  /** Applies one AutoscalingRunnerSet to a cluster. */
  apply(cluster: string, plan: ScaleSetPlan): void;
  stop(): Promise<void>;
}

/** A world at rest: servers are up, nothing has been applied. */
export async function createWorld<F extends Functions>(
  deps: WorldDeps<F>,
  options: WorldOptions,
): Promise<World<F>> {
  const { clock, random, table, transport } = deps;
  const secrets = {
    pat: `ghp_${Buffer.from(random.bytes(18)).toString("hex")}`,
    webhookSecret: Buffer.from(random.bytes(20)).toString("hex"),
  };
  const recorder = createRecorder(
    new Map(options.scaleSets.map((plan) => [plan.name, limitsOf(plan)])),
  );
  const onLine = (line: string) => {
    recorder.line(line);
    options.onLine?.(line);
  };
  const log = createLog({ write: onLine, wallMs: () => clock.wallMs() }, { level: "debug" });
  const door: { deliver?: Functions["deliver"] } = {};
  const service = createService(deps, options, secrets, door);
  service.listen((fact) => recorder.fact(fact));
  await transport.serveService(service);
  const clusters = await createClusters(deps, options, log, secrets.pat);
  const configUrl = `${transport.serviceUrl}/acme`;
  const { settings } = options;
  const find: Credentials["find"] = async () => ({
    credential: { kind: "pat", token: secrets.pat },
  });
  const functions = await deps.createFunctions({
    clock,
    random,
    log,
    table,
    settings,
    credentials: { find },
    configUrl,
    pat: secrets.pat,
    webhookSecret: secrets.webhookSecret,
    transport,
    onLine,
    clusters: new Map(
      [...clusters].map(([name, { access, api }]) => [
        name,
        { access: access("runlet-control-plane"), api },
      ]),
    ),
  });
  door.deliver = (headers, body) => functions.deliver(headers, body);
  const eyes = new AbortController();
  const apply = (cluster: string, plan: ScaleSetPlan) =>
    clusters.get(cluster)?.api.applyManifests(runnerSetManifest(plan, configUrl));

  return {
    clock,
    configUrl,
    pat: secrets.pat,
    service,
    clusters,
    functions,
    recorder,
    apply,
    async start(scaleSets = options.scaleSets) {
      await registerClusters(deps, log, [...clusters.keys()], options.namespaces);
      for (const cluster of clusters.values()) {
        observeCluster(deps, recorder, cluster, eyes.signal);
        cluster.startReconciler();
      }
      for (const plan of scaleSets) plan.clusters.forEach((name) => apply(name, plan));
      functions.startSweeping();
    },
    async stop() {
      eyes.abort(new Error("the world ends"));
      await functions.stop();
      for (const cluster of clusters.values()) cluster.stop();
      service.stop();
      await transport.close();
    },
  };
}

/** The Actions Service; its webhooks go to the functions once there are some. */
function createService(
  { clock, random, transport }: WorldDeps<Functions>,
  { mode, knobs }: WorldOptions,
  { pat, webhookSecret }: { pat: string; webhookSecret: string },
  door: { deliver?: Functions["deliver"] },
): ActionsServiceSimulator {
  return createActionsServiceSimulator(
    {
      clock,
      random,
      deliver: async (_url, headers, body) => {
        if (door.deliver) return door.deliver(headers, body);
        throw new Error("the webhook function is not up yet");
      },
    },
    {
      mode,
      pat,
      baseUrl: transport.serviceUrl,
      webhook: { url: `${transport.serviceUrl}/webhook`, secret: webhookSecret },
      ...(knobs && { knobs }),
    },
  );
}

async function createClusters(
  { clock, random, transport, authenticate }: WorldDeps<Functions>,
  { clusters, scenario, reconcilerSettings }: WorldOptions,
  log: Log,
  pat: string,
): Promise<Map<string, WorldCluster>> {
  const made = new Map<string, WorldCluster>();
  for (const name of clusters) {
    const cluster = await createWorldCluster(
      {
        clock,
        random,
        log,
        transport,
        fetch: transport.fetch,
        ...(authenticate && { authenticate: (token: string) => authenticate(name, token) }),
        ...(scenario && { scenario }),
        ...(reconcilerSettings && { reconcilerSettings }),
      },
      name,
    );
    cluster.api.applyManifests(credentialManifest(pat));
    made.set(name, cluster);
  }
  return made;
}

async function registerClusters(
  deps: WorldDeps<Functions>,
  log: Log,
  names: string[],
  namespaces: string[] | undefined,
): Promise<void> {
  const registry = createRegistry({ ...deps, log });
  const known = new Set((await registry.listClusters()).map(({ row }) => row.name));
  for (const name of names) {
    const row = { name, accessRef: name, ...(namespaces && { namespaces }) };
    if (!known.has(name)) await registry.putCluster(row, undefined);
  }
}

/** What a set may have altogether: each of its clusters has a runner set with the same limits. */
function limitsOf({ minRunners, maxRunners, clusters }: ScaleSetPlan) {
  return { minRunners: minRunners * clusters.length, maxRunners: maxRunners * clusters.length };
}
