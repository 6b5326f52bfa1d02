// Why: the in-cluster half of Runlet: it turns AutoscalingRunnerSets into runners. This file puts caches,
// queues and controllers together; what is done to an object stands in its controller's folder.
import {
  KubernetesError,
  type KubernetesClient,
  type KubernetesObject,
  type Resource,
} from "@runlet/kubernetes/client";
import {
  autoscalingListeners,
  autoscalingRunnerSets,
  ephemeralRunners,
  ephemeralRunnerSets,
  labels,
  namespaces as namespaceKind,
  pods,
} from "@runlet/kubernetes/resources";
import type { WatchedKind, WatchOptions } from "@runlet/kubernetes/watch";
import { backoffMs } from "@runlet/runtime/backoff";
import type { Clock } from "@runlet/runtime/clock";
import type { Log } from "@runlet/runtime/log";
import type { Random } from "@runlet/runtime/random";
import { createBreakers } from "./breaker.ts";
import type { Context, Kinds } from "./context.ts";
import { createControllers, type Controllers } from "./controllers/controllers.ts";
import { decideHealth, type Health } from "./decide-health.ts";
import { createEvents } from "./events.ts";
import { createKind, type Kind } from "./kinds.ts";
import { createNamespaceScope, type Namespace } from "./namespace-scope.ts";
import { controllerOf } from "./object-key.ts";
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
  /** Tells clusters apart; absent: read at the start. */
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
  view(): Pick<MetricsView, "sets" | "queues">;
}

export function createReconciler(
  deps: ReconcilerDeps,
  options: ReconcilerOptions = {},
): Reconciler {
  let working: { controllers: Controllers; caches: Caches } | undefined;
  return {
    async run(signal) {
      let controllers: Controllers;
      try {
        const clusterId =
          options.clusterId ?? (await readClusterId(deps, options.namespaces?.[0], signal));
        const caches = createCaches(deps, options.namespaces, signal);
        const ctx = createContext(deps, options, clusterId, caches);
        controllers = createControllers(ctx, caches.labelled);
        await Promise.all(kindsOf(caches).map((kind) => kind.ready()));
        deps.log.info("reconciler_ready", { clusterId, version: deps.version });
        working = { controllers, caches };
      } catch (error) {
        if (signal.aborted) return;
        throw error;
      }
      await controllers.run(signal);
    },
    health: () =>
      decideHealth({
        nowMs: deps.clock.nowMs(),
        freshness: working && kindsOf(working.caches).map((kind) => kind.freshness()),
        queues: working?.controllers.figures() ?? [],
      }),
    busyCount: () => working?.controllers.busyCount() ?? 0,
    view: () => ({
      sets: working ? viewSets(working.caches.kinds) : [],
      queues: working?.controllers.figures() ?? [],
    }),
  };
}

function kindsOf({ kinds, labelled }: Caches) {
  return [...Object.values(kinds), ...(labelled ? [labelled] : [])];
}

function viewSets({ runnerSets, autoscaling }: Kinds): SetView[] {
  return runnerSets.all().map((runnerSet) => {
    const { namespace = "" } = runnerSet.metadata;
    const name = controllerOf(runnerSet)?.name ?? "";
    return { runnerSet, autoscaling: autoscaling.find({ namespace, name }) };
  });
}

interface Caches {
  kinds: Kinds;
  /** Absent when the namespaces are named. */
  labelled: Kind<Namespace> | undefined;
}

function createCaches(
  deps: ReconcilerDeps,
  names: readonly string[] | undefined,
  signal: AbortSignal,
): Caches {
  function kindOf<T extends KubernetesObject>(
    resource: Resource,
    where: readonly (string | undefined)[],
    labelSelector?: string,
  ): Kind<T> {
    const selector = labelSelector === undefined ? {} : { labelSelector };
    const watched = new Map(
      where.map((namespace) => [
        namespace,
        deps.watch<T>({ resource, signal, ...selector, ...(namespace ? { namespace } : {}) }),
      ]),
    );
    const all = [...watched.values()];
    return createKind(
      all,
      (object) => watched.get(object.metadata.namespace) ?? watched.get(undefined),
    );
  }
  const where = names ?? [undefined];
  return {
    kinds: {
      autoscaling: kindOf(autoscalingRunnerSets, where),
      runnerSets: kindOf(ephemeralRunnerSets, where),
      runners: kindOf(ephemeralRunners, where),
      pods: kindOf(pods, where, `${labels.ephemeralRunner}=True`),
      // ARC keeps its listeners in its own namespace, whichever that is. Where only named namespaces may be read, an ARC
      // that serves one of them from elsewhere cannot be seen.
      listeners: kindOf(autoscalingListeners, where),
    },
    labelled: names ? undefined : kindOf(namespaceKind, [undefined], `${labels.managed}=true`),
  };
}

function createContext(
  deps: ReconcilerDeps,
  options: ReconcilerOptions,
  clusterId: string,
  caches: Caches,
): Context {
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
    clusterId,
    excludedLabelPrefixes: options.excludedLabelPrefixes ?? [],
    updateStrategy: options.updateStrategy ?? "immediate",
    kinds: caches.kinds,
    scope: createNamespaceScope(options.namespaces, caches.labelled),
    services: createServices({ client, clock, serviceFor: deps.serviceFor }),
    limit: createRegistrationLimit(clock, settings.registrationsPerWindow),
    memory: createRunnerMemory(),
    breakers: createBreakers({ opensAfter: settings.breakerOpensAfter, backoff: settings.breaker }),
    events: createEvents({ client, clock, log }),
    wake: { autoscaling: notYet, runnerSet: notYet, runner: notYet },
    doubted: new Set(),
    idleWatches: new Map(),
    draining: new Set(),
    unresolved: new Map(),
  };
}

const startBackoff = { baseMs: 500, capMs: 15_000 };

/**
 * The uid of kube-system, or of `named`: a Role may let a namespace be read from within, and no other. Waits for a
 * cluster that does not answer yet; a refusal ends the start.
 */
async function readClusterId(
  deps: ReconcilerDeps,
  named: string | undefined,
  signal: AbortSignal,
): Promise<string> {
  const name = named ?? "kube-system";
  for (let attempt = 0; ; attempt++) {
    try {
      const found = await deps.client.find(namespaceKind, { name }, { signal });
      if (found?.metadata.uid !== undefined) return found.metadata.uid;
      throw new Error(`namespace ${name} does not exist`);
    } catch (error) {
      const passes = error instanceof KubernetesError && isPassing(error.status);
      if (!passes || signal.aborted) throw error;
      deps.log.warn("cluster_not_ready", { attempt, error });
      await deps.clock.sleep(backoffMs(deps.random, startBackoff, attempt), signal);
    }
  }
}

/** All but "you are nobody" and "you may not". */
function isPassing(status: number): boolean {
  return status !== 401 && status !== 403;
}
