// Why: the in-cluster half of Runlet: it turns AutoscalingRunnerSets into runners. This file puts caches,
// queues and controllers together; what is done to an object stands in its controller's folder.
import type { KubernetesClient, KubernetesObject } from "@runlet/kubernetes/client";
import type { WatchedKind, WatchOptions } from "@runlet/kubernetes/watch";
import type { Clock } from "@runlet/runtime/clock";
import type { Log } from "@runlet/runtime/log";
import type { Random } from "@runlet/runtime/random";
import { hasListener } from "./arc.ts";
import { createBreakers } from "./breaker.ts";
import { createCaches, type Caches, type Place } from "./caches.ts";
import { createClusterIds } from "./cluster-ids.ts";
import type { Context } from "./context.ts";
import { findOwn } from "./controllers/autoscaling-runner-set/runner-set.ts";
import { createControllers, type Controllers } from "./controllers/controllers.ts";
import { decideHealth, isSeen, type Health } from "./decide-health.ts";
import { createEvents } from "./events.ts";
import { createNamespaceScope } from "./namespace-scope.ts";
import type { MetricsView, SetView } from "./prometheus-table.ts";
import { createRegistrationLimit } from "./registration-limit.ts";
import { createRunnerMemory } from "./runner-memory.ts";
import { createServices, type ServiceFactory } from "./services.ts";
import { reconcilerSettings, type ReconcilerSettings } from "./settings.ts";

export interface ReconcilerDeps {
  client: KubernetesClient;
  clock: Clock;
  random: Random;
  log: Log;
  /** Makes a client of the Actions Service for one config URL and credential. */
  serviceFor: ServiceFactory;
  /** A cache of one kind; `createWatchedKind` of @runlet/kubernetes/watch with its deps. */
  watch: <T extends KubernetesObject>(options: WatchOptions) => WatchedKind<T>;
  version: string;
}

export interface ReconcilerOptions {
  /** Act in these; absent: in every namespace labelled runlet.dev/managed=true. */
  namespaces?: readonly string[];
  /** Tells clusters apart; absent: read from the cluster. */
  clusterId?: string;
  excludedLabelPrefixes?: readonly string[];
  /** Default "immediate". */
  updateStrategy?: "immediate" | "eventual";
  settings?: Partial<ReconcilerSettings>;
}

export interface Reconciler {
  /** Works until the signal aborts; resolves when the passes under way have ended. Rejects if it cannot start. */
  run(signal: AbortSignal): Promise<void>;
  health(): Health;
  /** Objects that wait for a pass or are in one now. */
  busyCount(): number;
  /** For the metrics; empty before the caches are filled. */
  view(): Pick<MetricsView, "sets" | "queues" | "places">;
}

export function createReconciler(
  deps: ReconcilerDeps,
  options: ReconcilerOptions = {},
): Reconciler {
  let working: { controllers: Controllers; caches: Caches; ctx: Context } | undefined;
  const placesNow = () =>
    working?.caches.places.map((place) => ({ namespace: place.namespace, ...place.freshness() }));
  return {
    async run(signal) {
      let controllers: Controllers;
      try {
        const clusterIdFor = await createClusterIds(deps, options, signal);
        const caches = createCaches(deps.watch, options.namespaces, signal);
        const readable = new Set<string>();
        const ctx = createContext(deps, options, { clusterIdFor, caches, readable });
        controllers = createControllers(ctx, caches.labelled);
        await openPlaces(deps, caches.places, { readable, controllers }, signal);
        deps.log.info("reconciler_ready", { version: deps.version });
        working = { controllers, caches, ctx };
      } catch (error) {
        if (signal.aborted) return;
        throw error;
      }
      await controllers.run(signal);
    },
    health: () =>
      decideHealth({
        nowMs: deps.clock.nowMs(),
        places: placesNow(),
        queues: working?.controllers.figures() ?? [],
      }),
    busyCount: () => working?.controllers.busyCount() ?? 0,
    view: () => ({
      sets: working ? viewSets(working.ctx) : [],
      queues: working?.controllers.figures() ?? [],
      places: (placesNow() ?? []).map((place) => ({
        namespace: place.namespace ?? "",
        isSeen: isSeen(place, deps.clock.nowMs()),
      })),
    }),
  };
}

/** Ours alone, and one of each AutoscalingRunnerSet: beside it stand those that ARC 0.14 has left, or that leave. */
function viewSets(ctx: Context): SetView[] {
  const { runnerSets, autoscaling } = ctx.kinds;
  return autoscaling.all().flatMap((set) => {
    const { namespace = "", name, uid = "" } = set.metadata;
    if (!ctx.scope.manages(namespace) || hasListener(ctx, namespace, name)) return [];
    const runnerSet = findOwn(ctx, set) ?? runnerSets.ownedBy(uid)[0];
    return runnerSet ? [{ runnerSet, autoscaling: set }] : [];
  });
}

function createContext(
  deps: ReconcilerDeps,
  options: ReconcilerOptions,
  made: Pick<Context, "clusterIdFor"> & { caches: Caches; readable: ReadonlySet<string> },
): Context {
  const { clusterIdFor, caches, readable } = made;
  const { client, clock, random, log, version } = deps;
  const settings = { ...reconcilerSettings, ...options.settings };
  const notYet = () => {
    throw new Error("the queues do not exist yet");
  };
  return {
    client,
    clock,
    random,
    log,
    version,
    settings,
    clusterIdFor,
    excludedLabelPrefixes: options.excludedLabelPrefixes ?? [],
    updateStrategy: options.updateStrategy ?? "immediate",
    kinds: caches.kinds,
    scope: createNamespaceScope(options.namespaces && readable, caches.labelled),
    services: createServices({ client, clock, serviceFor: deps.serviceFor }),
    limit: createRegistrationLimit(clock, settings.registrationsPerWindow),
    memory: createRunnerMemory(),
    breakers: createBreakers({ opensAfter: settings.breakerOpensAfter, backoff: settings.breaker }),
    events: createEvents({ client, clock, log }),
    wake: { autoscaling: notYet, runnerSet: notYet, runner: notYet },
    doubted: new Set(),
    idleWatches: new Map(),
    unresolved: new Map(),
  };
}

/** How long the start waits for namespaces that cannot be read (yet); the others are served then. */
const patienceMs = 30_000;

/** Resolves when every place can be read; after a while, when one can. The others follow when they can. */
async function openPlaces(
  { clock, log }: ReconcilerDeps,
  places: readonly Place[],
  to: { readable: Set<string>; controllers: Controllers },
  signal: AbortSignal,
): Promise<void> {
  const opened = places.map(async ({ namespace, ready }) => {
    await ready();
    if (namespace === undefined) return;
    to.readable.add(namespace);
    to.controllers.lookAt(namespace);
  });
  const all = Promise.all(opened);
  const some = clock.sleep(patienceMs, signal).then(() => Promise.any(opened));
  await Promise.race([all, some]);
  const unread = places.flatMap(({ namespace }) => {
    return namespace === undefined || to.readable.has(namespace) ? [] : [namespace];
  });
  if (unread.length > 0) log.error("namespaces_unreadable", { namespaces: unread });
}
