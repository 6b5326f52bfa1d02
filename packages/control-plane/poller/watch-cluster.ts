// Why: all that the poller knows of one cluster: its runner sets, who may be touched, and whether it answers.
import type { ClusterRow } from "@runlet/coordination/registry";
import type { TargetRef } from "@runlet/domain/target";
import type { KubernetesClient, KubernetesObject, Resource } from "@runlet/kubernetes/client";
import {
  autoscalingListeners,
  autoscalingRunnerSets,
  ephemeralRunnerSets,
  labels,
  namespaces,
  type AutoscalingListener,
  type AutoscalingRunnerSet,
  type EphemeralRunnerSet,
} from "@runlet/kubernetes/resources";
import { createWatchedKind, type WatchedKind } from "@runlet/kubernetes/watch";
import { backoffMs } from "@runlet/runtime/backoff";
import { remedies } from "../remedies.ts";
import { createHealth, probeCluster, type Health } from "./cluster-health.ts";
import type { PollerDeps } from "./deps.ts";

type Place = Omit<TargetRef, "cluster">;

export interface WatchedCluster {
  name: string;
  health: Health;
  /** Undefined while no access could be found. */
  client(): KubernetesClient | undefined;
  ready(): Promise<void>;
  /** True once the first lists are in: only then "not there" means anything. */
  isListed(): boolean;
  isLive(): boolean;
  isManaged(namespace: string): boolean;
  /** ARC's own listener serves it: not ours. */
  hasListener(place: Place): boolean;
  findRunnerSet(place: Place): AutoscalingRunnerSet | undefined;
  /** The EphemeralRunnerSets that the runner set owns. */
  listOwned(owner: AutoscalingRunnerSet): EphemeralRunnerSet[];
  allRunnerSets(): AutoscalingRunnerSet[];
  note(runnerSet: EphemeralRunnerSet): void;
}

interface Views {
  runnerSets: WatchedKind<AutoscalingRunnerSet>[];
  ephemeral: WatchedKind<EphemeralRunnerSet>[];
  /** By the uid of their owner. */
  owned: () => ReadonlyMap<string, EphemeralRunnerSet[]>;
  listeners: WatchedKind<AutoscalingListener>[];
  managed: WatchedKind<KubernetesObject> | undefined;
}

/** Finds the access (again and again, if need be), then watches and probes until `signal` aborts. */
export function watchCluster(
  deps: PollerDeps,
  row: ClusterRow,
  signal: AbortSignal,
  changed: (place?: Place) => void,
): WatchedCluster {
  const health = createHealth(deps, row.name, () => changed());
  const started = Promise.withResolvers<void>();
  let client: KubernetesClient | undefined;
  let views: Views | undefined;

  void findAccess(deps, row, signal, (found) => {
    client = found;
    views = createViews(deps, found, row, signal, changed);
    void whenListed(views).then(
      () => {
        changed();
        started.resolve();
      },
      () => {},
    );
    void probeCluster(deps, found, health, signal);
  });

  const essential = () => (views ? [...views.runnerSets, ...views.ephemeral] : []);
  return {
    name: row.name,
    health,
    client: () => client,
    ready: () => started.promise,
    // Without the list of namespaces every one would look unmanaged, and every target absent.
    isListed: () =>
      views !== undefined &&
      views.managed?.state().state !== "starting" &&
      essential().every((view) => view.state().state !== "starting"),
    isLive: () => views !== undefined && essential().every((view) => view.state().state === "live"),
    isManaged: (namespace) =>
      row.namespaces?.includes(namespace) ??
      views?.managed?.find({ name: namespace }) !== undefined,
    hasListener: (place) =>
      (views?.listeners ?? []).some((view) => view.all().some((one) => listensFor(one, place))),
    findRunnerSet: (place) => {
      const key = { namespace: place.namespace, name: place.autoscalingRunnerSet };
      return views?.runnerSets.map((view) => view.find(key)).find((found) => found);
    },
    listOwned: ({ metadata: { uid, namespace } }) =>
      (views?.owned().get(uid ?? "") ?? []).filter((one) => one.metadata.namespace === namespace),
    allRunnerSets: () => (views?.runnerSets ?? []).flatMap((view) => view.all()),
    note(runnerSet) {
      const { namespace } = runnerSet.metadata;
      const at = row.namespaces ? row.namespaces.indexOf(namespace ?? "") : 0;
      views?.ephemeral[at]?.note(runnerSet);
    },
  };
}

function createViews(
  deps: PollerDeps,
  client: KubernetesClient,
  row: ClusterRow,
  signal: AbortSignal,
  changed: (place?: Place) => void,
): Views {
  const log = deps.log.with({ cluster: row.name });
  const open = <T extends KubernetesObject>(resource: Resource, where: object = {}) =>
    createWatchedKind<T>({ ...deps, client, log }, { resource, signal, ...where });
  const perNamespace = <T extends KubernetesObject>(resource: Resource) =>
    (row.namespaces?.map((namespace) => ({ namespace })) ?? [{}]).map((where) =>
      open<T>(resource, where),
    );

  const ephemeral = perNamespace<EphemeralRunnerSet>(ephemeralRunnerSets);
  const views: Views = {
    runnerSets: perNamespace<AutoscalingRunnerSet>(autoscalingRunnerSets),
    ephemeral,
    // Before whoever asks: it is out of date when they hear of a change.
    owned: indexByOwner(ephemeral),
    listeners: perNamespace<AutoscalingListener>(autoscalingListeners),
    managed: row.namespaces
      ? undefined
      : open(namespaces, { labelSelector: `${labels.managed}=true` }),
  };
  for (const view of views.runnerSets) {
    view.onChange(({ object }) =>
      changed(placeOf(object.metadata.namespace, object.metadata.name)),
    );
  }
  for (const view of views.ephemeral) {
    view.onChange(({ object: { metadata } }) => {
      const owner = metadata.ownerReferences?.find(({ kind }) => kind === "AutoscalingRunnerSet");
      if (owner) changed(placeOf(metadata.namespace, owner.name));
    });
  }
  for (const view of views.listeners) view.onChange(() => changed());
  views.managed?.onChange(() => changed());
  return views;
}

/** Each of 200 sets asks for its own at every turn: made once after a change. */
function indexByOwner(views: WatchedKind<EphemeralRunnerSet>[]): Views["owned"] {
  let index: Map<string, EphemeralRunnerSet[]> | undefined;
  for (const view of views) view.onChange(() => (index = undefined));
  return () => {
    if (index) return index;
    index = new Map();
    for (const one of views.flatMap((view) => view.all())) {
      const owners = new Set(one.metadata.ownerReferences?.map(({ uid }) => uid));
      for (const uid of owners) index.set(uid, [...(index.get(uid) ?? []), one]);
    }
    return index;
  };
}

/** Everything a decision needs; the listeners' kind may be missing where ARC never was. */
async function whenListed(views: Views): Promise<void> {
  const needed = [
    ...views.runnerSets,
    ...views.ephemeral,
    ...(views.managed ? [views.managed] : []),
  ];
  await Promise.all(needed.map((view) => view.ready()));
}

async function findAccess(
  deps: PollerDeps,
  row: ClusterRow,
  signal: AbortSignal,
  found: (client: KubernetesClient) => void,
): Promise<void> {
  for (let attempt = 0; !signal.aborted; attempt++) {
    try {
      const client = await deps.clusters.find(row.name);
      if (signal.aborted) return;
      if (client) return found(client);
      const remedy = remedies.noAccess(row.name);
      deps.log.warn("cluster_without_access", { cluster: row.name, remedy });
    } catch (error) {
      const remedy = remedies.unreachable(row.name);
      deps.log.warn("cluster_access_failed", { cluster: row.name, error, remedy });
    }
    const waitMs = backoffMs(deps.random, { baseMs: 1_000, capMs: 60_000 }, attempt);
    await deps.clock.sleep(waitMs, signal).catch(() => {});
  }
}

function placeOf(namespace: string | undefined, autoscalingRunnerSet: string): Place {
  return { namespace: namespace ?? "", autoscalingRunnerSet };
}

function listensFor(listener: AutoscalingListener, place: Place): boolean {
  const { spec, metadata } = listener;
  if (metadata.deletionTimestamp) return false;
  return (
    spec.autoscalingRunnerSetNamespace === place.namespace &&
    spec.autoscalingRunnerSetName === place.autoscalingRunnerSet
  );
}
