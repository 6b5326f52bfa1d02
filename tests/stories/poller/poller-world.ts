// Why: the poller's stories play on the true wire: the Actions Service and the Kubernetes API as servers in process,
// the control plane as it is composed for one machine, each invocation on a lifeline that can be cut or frozen,
// everything under one virtual clock and one seed.
import { createActionsService } from "@runlet/actions-service/client";
import type { ActionsService } from "@runlet/actions-service/service";
import type { PollerEvent } from "@runlet/coordination/invoker";
import { createMemoryTable } from "@runlet/coordination/memory-table";
import type { Table } from "@runlet/coordination/table";
import { createRegistry } from "@runlet/coordination/registry";
import { createKubernetesClient, type KubernetesClient } from "@runlet/kubernetes/client";
import { readCrds } from "@runlet/kubernetes/crds";
import { namespaces, type EphemeralRunnerSet } from "@runlet/kubernetes/resources";
import type { Fetch } from "@runlet/runtime/fetch";
import { createLog, createSilentLog, type Log } from "@runlet/runtime/log";
import { createSeededRandom } from "@runlet/runtime/random";
import { cloudSettings, type Settings } from "@runlet/runtime/settings";
import { createVirtualClock, type VirtualClock } from "@runlet/runtime/virtual-clock";
import {
  createInProcessFunctions,
  type InProcessDeps,
  type Invocation,
} from "@runlet/runlet/world/functions-in-process";
import type { SimulatorEvent } from "@runlet/simulators/actions-service/events";
import type { Knobs, Mode } from "@runlet/simulators/actions-service/knobs";
import {
  createActionsServiceSimulator,
  type ActionsServiceSimulator,
} from "@runlet/simulators/actions-service/simulator";
import {
  createKubeApiSimulator,
  type KubeApiSimulator,
} from "@runlet/simulators/kube-api/simulator";
import { addRunnerSet, namespace, org, type SetOrder } from "./add-runner-set.ts";
import { startHands, type Hands } from "./hands.ts";

export interface WorldOptions {
  mode: Mode;
  clusters?: string[];
  sets?: SetOrder[];
  settings?: Partial<Settings>;
  knobs?: Partial<Knobs>;
  seed?: number;
  bootMs?: number;
  /** From the order to the first line of an invocation. */
  coldStartMs?: number;
  /** The platform's notice of a death starts a watcher (default false: only neighbours and the sweep see it). */
  failureNotices?: boolean;
  /** Runs each settings.sweepEveryMs (default false). */
  sweep?: boolean;
  onEffect?: NonNullable<InProcessDeps["onEffect"]>;
  /** Faults around the table that everybody uses. */
  tableOf?: (table: Table, clock: VirtualClock) => Table;
  /** Everything that is logged, as lines on stdout. */
  loud?: boolean;
}

export interface SimulatedCluster {
  name: string;
  api: KubeApiSimulator;
  client: KubernetesClient;
  hands: Hands;
}

export interface LogLine {
  at: number;
  event: string;
  [field: string]: unknown;
}

const scopeKey = "github.com/acme";
const pat = "ghp_0123456789abcdefghijklmnopqrstuvwxyz";

export async function createPollerWorld(options: WorldOptions) {
  const clock = createVirtualClock();
  const random = createSeededRandom(options.seed ?? 1);
  const settings: Settings = { ...cloudSettings, ...options.settings };
  const lines: LogLine[] = [];
  const log = createLogOf(clock, lines, options.loud ?? false);
  const service = createActionsServiceSimulator(
    { clock, random },
    { mode: options.mode, pat, ...(options.knobs && { knobs: options.knobs }) },
  );
  const events: SimulatorEvent[] = [];
  service.listen((event) => events.push(event));
  const memory = createMemoryTable(() => clock.wallMs());
  const puts: { key: string; at: number }[] = [];
  const counted: Table = {
    ...memory,
    put(row, when) {
      puts.push({ key: row.key, at: clock.nowMs() });
      return memory.put(row, when);
    },
  };
  const table = options.tableOf?.(counted, clock) ?? counted;
  const stop = new AbortController();
  const admin = createService(clock, createSeededRandom(99), service);
  const registry = createRegistry({ table, clock, random, log });

  const clusters = new Map<string, SimulatedCluster>();
  for (const name of options.clusters ?? ["east"]) {
    clusters.set(name, await createCluster(name));
    await registry.putCluster({ name, accessRef: name }, undefined);
  }

  async function createCluster(name: string): Promise<SimulatedCluster> {
    const api = createKubeApiSimulator({ clock, random });
    api.applyManifests(readCrds());
    const access = {
      server: `https://${name}`,
      token: async () => api.adminToken,
      fetch: api.fetch,
    };
    const client = createKubernetesClient({ access, clock, userAgent: "world", limitMs: 10_000 });
    const labels = { "runlet.dev/managed": "true" };
    await client.create(namespaces, { metadata: { name: namespace, labels } });
    const hands = startHands(
      {
        clock,
        random,
        client,
        log: createSilentLog(),
        service: admin,
        fetch: service.fetch,
        bootMs: options.bootMs ?? 2_000,
      },
      stop.signal,
    );
    return { name, api, client, hands };
  }

  /** By the access with which the control plane reaches a cluster: its calls, and whether it was closed. */
  const accesses: Record<string, { calls: number; closed: number }> = {};

  function openAccess(ref: string, way: Fetch) {
    const told = (accesses[ref] ??= { calls: 0, closed: 0 });
    let isClosed = false;
    const fetch: Fetch = async (url, init) => {
      if (isClosed) throw new Error(`the access ${ref} is closed`);
      told.calls++;
      return way(url, init);
    };
    function close() {
      isClosed = true;
      told.closed++;
    }
    return { server: `https://${ref}`, fetch, close };
  }

  /** One way out for everybody: by the URL's host (or its parent) to a cluster, or else to the service. */
  const fetch: Fetch = (url, init) => {
    const { hostname } = new URL(url);
    const cluster = clusters.get(hostname.split(".").at(-1) ?? "");
    return (cluster ? cluster.api.fetch : service.fetch)(url, init);
  };

  const functions = createInProcessFunctions({
    clock,
    random: createSeededRandom(1_000),
    log,
    table,
    settings,
    credentials: { find: async () => ({ credential: { kind: "pat", token: pat } }) },
    webhookSecret: "none is sent",
    fetch,
    accessTo: async ({ name, accessRef }, way) => {
      const cluster = clusters.get(name);
      const token = async () => cluster?.api.adminToken ?? "";
      return cluster && { ...openAccess(accessRef, way), token };
    },
    coldStartMs: options.coldStartMs ?? 100,
    failureNotices: options.failureNotices ?? false,
    ...(options.onEffect && { onEffect: options.onEffect }),
  });

  function start(event: PollerEvent): Invocation {
    void functions.invoke(event);
    const started = functions.invocations().at(-1);
    if (!started) throw new Error("nothing was started");
    return started;
  }

  /** A scale set at the service, a runner set and its EphemeralRunnerSet in each cluster, and its row. */
  async function addSet(order: SetOrder): Promise<string> {
    const made = await admin.createScaleSet({
      name: order.name,
      runnerGroupId: 1,
      labels: [order.name],
    });
    if (!made.ok) throw new Error(made.failure.message);
    const { id } = made.value;
    const on = order.on ?? [...clusters.keys()];
    for (const name of on) await addRunnerSet(cluster(name), order, id);
    const key = `${scopeKey}:${id}`;
    await registry.putScaleSet(
      {
        key,
        scopeKey,
        configUrl: org,
        scaleSetId: id,
        name: order.name,
        runnerGroup: "",
        labels: [order.name],
        shard: order.shard ?? "shard-0",
        targets: on.map((cluster) => ({ cluster, namespace, autoscalingRunnerSet: order.name })),
        shared: on.length > 1,
      },
      undefined,
    );
    return key;
  }

  function cluster(name: string): SimulatedCluster {
    const found = clusters.get(name);
    if (!found) throw new Error(`no cluster ${name}`);
    return found;
  }

  const keys: string[] = [];
  for (const order of options.sets ?? [{ name: "linux" }]) keys.push(await addSet(order));
  if (options.sweep) functions.startSweeping();

  return {
    clock,
    service,
    events,
    table,
    puts,
    registry,
    clusters,
    cluster,
    accesses,
    invocations: functions.invocations(),
    lines,
    settings,
    keys,
    start,
    kill: functions.kill,
    addSet,
    admin,
    /** Starts a poller as a webhook would. */
    wake: (shard = "shard-0") => start({ shard, reason: "webhook" }),
    runnerSet(name = "linux", on = "east"): EphemeralRunnerSet {
      const key = { namespace, name: `${name}-${on}` };
      const found = cluster(on).api.object(
        "actions.github.com/v1alpha1",
        "EphemeralRunnerSet",
        key,
      );
      if (!found) throw new Error(`no EphemeralRunnerSet ${key.name}`);
      // The store keeps what the schema let in.
      return found as unknown as EphemeralRunnerSet;
    },
    pair(name = "linux", on = "east"): [number, number] {
      const { replicas, patchID } = this.runnerSet(name, on).spec;
      return [replicas ?? 0, patchID];
    },
    /** Every line of `event`, in order. */
    logged: (event: string) => lines.filter((line) => line.event === event),
    queue: (
      count = 1,
      over: { scaleSet?: string; durationMs?: number; displayName?: string } = {},
    ) => service.control.queueJobs({ scaleSet: "linux", count, durationMs: 5_000, ...over }),
    jobsLeft(): number {
      const { counts } = service.control.ledger();
      return counts.queued - counts.completed;
    },
    /** Ends everything that runs, so that no timer is left. */
    end() {
      stop.abort(new Error("the story is over"));
      void functions.stop();
      for (const { api } of clusters.values()) api.close();
      service.stop();
    },
  };
}

export type PollerWorld = Awaited<ReturnType<typeof createPollerWorld>>;

function createService(
  clock: VirtualClock,
  random: ReturnType<typeof createSeededRandom>,
  service: ActionsServiceSimulator,
): ActionsService {
  return createActionsService({
    clock,
    random,
    log: createSilentLog(),
    configUrl: org,
    fetch: service.fetch,
    credential: async () => ({ kind: "pat", token: pat }),
    system: { name: "world", version: "0", subsystem: "world" },
    limitMs: 10_000,
  });
}

function createLogOf(clock: VirtualClock, lines: LogLine[], loud: boolean): Log {
  const write = (line: string) => {
    // A log line of ours is a JSON object with an event.
    const fields = JSON.parse(line) as LogLine;
    lines.push({ ...fields, at: clock.nowMs() });
    if (loud) process.stdout.write(`${Math.round(clock.nowMs())} ${line}\n`);
  };
  return createLog({ write, wallMs: () => clock.wallMs() }, { level: "debug" });
}
