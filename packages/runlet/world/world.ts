// Why: the Actions Service, clusters with their reconcilers, and the functions between them, in one value over a
// clock and a seed. Stories, seeds, demo and `runlet start` all play in it.
import type { Credentials } from "@runlet/coordination/credentials";
import { createRegistry, type ClusterRow } from "@runlet/coordination/registry";
import type { Table } from "@runlet/coordination/table";
import type { ClusterAccess } from "@runlet/kubernetes/client";
import {
  ephemeralRunners,
  ephemeralRunnerSets,
  labels,
  type EphemeralRunner,
  type EphemeralRunnerSet,
} from "@runlet/kubernetes/resources";
import { createWatchedKind } from "@runlet/kubernetes/watch";
import type { ReconcilerSettings } from "@runlet/reconciler/settings";
import type { Clock } from "@runlet/runtime/clock";
import { createLog, createSilentLog, type Log } from "@runlet/runtime/log";
import type { Random } from "@runlet/runtime/random";
import type { Settings } from "@runlet/runtime/settings";
import type { Knobs, Mode } from "@runlet/simulators/actions-service/knobs";
import {
  createActionsServiceSimulator,
  type ActionsServiceSimulator,
} from "@runlet/simulators/actions-service/simulator";
import type { Scenario } from "@runlet/simulators/kubelet/scenario";
import { createWorldCluster, type WorldCluster } from "./cluster.ts";
import type { Functions } from "./functions.ts";
import { credentialManifest, runnerSetManifest } from "./manifests.ts";
import type { ScaleSetPlan } from "./plan-scenario.ts";
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
  clusters: ReadonlyMap<string, { access: ClusterAccess }>;
  /** Takes the functions' own log lines. */
  onLine: (line: string) => void;
}

export interface WorldDeps<F extends Functions> {
  clock: Clock;
  random: Random;
  table: Table;
  transport: Transport;
  createFunctions(parts: FunctionParts): Promise<F>;
}

export interface World<F extends Functions = Functions> {
  clock: Clock;
  configUrl: string;
  pat: string;
  service: ActionsServiceSimulator;
  clusters: ReadonlyMap<string, WorldCluster>;
  functions: F;
  recorder: Recorder;
  /** Applies the runner sets, starts reconcilers and sweep. */
  start(): Promise<void>;
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
  const pat = `ghp_${Buffer.from(random.bytes(18)).toString("hex")}`;
  const webhookSecret = Buffer.from(random.bytes(20)).toString("hex");
  const configUrl = `${transport.serviceUrl}/acme`;
  const recorder = createRecorder(
    new Map(options.scaleSets.map((plan) => [plan.name, limitsOf(plan)])),
  );
  const onLine = (line: string) => {
    recorder.line(line);
    options.onLine?.(line);
  };
  const log = createLog({ write: onLine, wallMs: () => clock.wallMs() }, { level: "debug" });

  let functions: F | undefined;
  const service = createActionsServiceSimulator(
    {
      clock,
      random,
      deliver: async (_url, headers, body) =>
        functions ? functions.deliver(headers, body) : Promise.reject(new Error("not up yet")),
    },
    {
      mode: options.mode,
      pat,
      baseUrl: transport.serviceUrl,
      webhook: { url: `${transport.serviceUrl}/webhook`, secret: webhookSecret },
      ...(options.knobs && { knobs: options.knobs }),
    },
  );
  service.listen((fact) => recorder.fact(fact));
  await transport.serveService(service);

  const clusters = new Map<string, WorldCluster>();
  const { scenario, reconcilerSettings } = options;
  for (const name of options.clusters) {
    const cluster = await createWorldCluster(
      {
        clock,
        random,
        log,
        transport,
        fetch: transport.fetch,
        ...(scenario && { scenario }),
        ...(reconcilerSettings && { reconcilerSettings }),
      },
      name,
    );
    clusters.set(name, cluster);
    cluster.api.applyManifests(credentialManifest(pat));
  }

  const credentials: Credentials = {
    find: async () => ({ credential: { kind: "pat", token: pat } }),
  };
  functions = await deps.createFunctions({
    ...{ clock, random, log, table, credentials, configUrl, pat, webhookSecret, transport, onLine },
    settings: options.settings,
    clusters: new Map(
      [...clusters].map(([name, cluster]) => [
        name,
        { access: cluster.access("runlet-control-plane") },
      ]),
    ),
  });
  const made = functions;
  const stopWatching = new AbortController();

  const apply = (cluster: string, plan: ScaleSetPlan) =>
    clusters.get(cluster)?.api.applyManifests(runnerSetManifest(plan, configUrl));

  return {
    clock,
    configUrl,
    pat,
    service,
    clusters,
    functions: made,
    recorder,
    apply,
    async start() {
      const registry = createRegistry({ table, clock, random });
      for (const [name, cluster] of clusters) {
        const row: ClusterRow = { name, accessRef: name };
        const known = (await registry.listClusters()).find((found) => found.row.name === name);
        if (!known) await registry.putCluster(row, undefined);
        observe({ clock, random }, recorder, cluster, stopWatching.signal);
        cluster.startReconciler();
      }
      for (const plan of options.scaleSets) plan.clusters.forEach((name) => apply(name, plan));
      made.startSweeping();
    },
    async stop() {
      stopWatching.abort(new Error("the world ends"));
      await made.stop();
      for (const cluster of clusters.values()) cluster.stop();
      service.stop();
      await transport.close();
    },
  };
}

/** What a set may have altogether: each of its clusters has a runner set with the same limits. */
function limitsOf({ minRunners, maxRunners, clusters }: ScaleSetPlan) {
  return { minRunners: minRunners * clusters.length, maxRunners: maxRunners * clusters.length };
}

/** The recorder's eyes in a cluster. */
function observe(
  { clock, random }: { clock: Clock; random: Random },
  recorder: Recorder,
  { name, admin }: WorldCluster,
  signal: AbortSignal,
) {
  const watch = { client: admin, clock, random, log: createSilentLog() };
  const sets = createWatchedKind<EphemeralRunnerSet>(watch, {
    resource: ephemeralRunnerSets,
    signal,
  });
  sets.onChange(({ type, object }) => {
    const scaleSet = object.metadata.labels?.[labels.scaleSetName] ?? "";
    const replicas = type === "gone" ? 0 : (object.spec.replicas ?? 0);
    recorder.desired(scaleSet, name, replicas, clock.nowMs());
  });
  const seen = new Set<string>();
  const runners = createWatchedKind<EphemeralRunner>(watch, { resource: ephemeralRunners, signal });
  runners.onChange(({ object }) => {
    const uid = object.metadata.uid ?? "";
    if (seen.has(uid)) return;
    seen.add(uid);
    recorder.runnerMade(name);
  });
}
