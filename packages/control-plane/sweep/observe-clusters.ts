// Why: the registry follows the clusters. One list of each kind and cluster a look; whatever goes wrong, or takes too
// long, makes the cluster "silent", and a silent cluster's targets stay.
import { parseConfigUrl } from "@runlet/actions-service/config-url";
import type { ClusterRow } from "@runlet/coordination/registry";
import { KubernetesError, type KubernetesClient } from "@runlet/kubernetes/client";
import {
  annotations,
  autoscalingListeners,
  autoscalingRunnerSets,
  labels,
  namespaces,
  type AutoscalingListener,
  type AutoscalingRunnerSet,
} from "@runlet/kubernetes/resources";
import { targetKey } from "@runlet/domain/target";
import type { Clock } from "@runlet/runtime/clock";
import { withDeadline } from "@runlet/runtime/deadline";
import type { Log } from "@runlet/runtime/log";
import { remedies } from "../remedies.ts";
import type { ObservedRunnerSet } from "./plan-registry.ts";

export interface ObserveDeps {
  clock: Clock;
  log: Log;
  settings: { effectTimeoutMs: number };
  /** Undefined: no access to the cluster could be found. */
  findCluster: (name: string) => Promise<KubernetesClient | undefined>;
}

export interface Observation {
  observed: ObservedRunnerSet[];
  /** Every runner set there is, by its target's key, with its uid. */
  existing: Map<string, string>;
  silent: string[];
}

/** Every registered runner set of the managed namespaces of `clusters`, and the clusters that did not answer. */
export async function observeClusters(
  deps: ObserveDeps,
  clusters: ClusterRow[],
): Promise<Observation> {
  const silent: string[] = [];
  const existing = new Map<string, string>();
  // All lists of a cluster together: pages that come one by one, each just in time, are no answer either.
  const limitMs = 2 * deps.settings.effectTimeoutMs;
  const found = await Promise.all(
    clusters.map(async (cluster) => {
      try {
        const seen = await withDeadline(deps.clock, limitMs, undefined, async (signal) => {
          const client = await deps.findCluster(cluster.name);
          return client && observe(deps, { client, cluster, signal });
        });
        for (const [key, uid] of seen?.existing ?? []) existing.set(key, uid);
        if (seen) return seen.observed;
        const remedy = remedies.noAccess(cluster.name);
        deps.log.warn("cluster_without_access", { cluster: cluster.name, remedy });
      } catch (error) {
        deps.log.warn("cluster_silent", { cluster: cluster.name, error });
      }
      silent.push(cluster.name);
      return [];
    }),
  );
  return { observed: found.flat(), existing, silent };
}

interface Look {
  client: KubernetesClient;
  cluster: ClusterRow;
  signal: AbortSignal;
}

async function observe(
  deps: ObserveDeps,
  look: Look,
): Promise<{ observed: ObservedRunnerSet[]; existing: [key: string, uid: string][] }> {
  const { cluster } = look;
  const managed = new Set(cluster.namespaces ?? (await listManaged(look)));
  const runnerSets = await listRunnerSets(look);
  const existing = runnerSets.map(
    ({ metadata: { namespace = "", name, uid = "" } }): [string, string] => [
      targetKey({ cluster: cluster.name, namespace, autoscalingRunnerSet: name }),
      uid,
    ],
  );
  const listeners = await listListeners(deps.log, look);
  const served = new Set(
    listeners
      .filter(({ metadata }) => !metadata.deletionTimestamp)
      .map(({ spec }) => `${spec.autoscalingRunnerSetNamespace}/${spec.autoscalingRunnerSetName}`),
  );
  const observed = runnerSets
    .filter(({ metadata }) => managed.has(metadata.namespace ?? ""))
    .flatMap((set) => toObserved(deps.log, cluster, set, served));
  return { observed, existing };
}

/**
 * ARC keeps its listeners in its own namespace, whichever that is. Where the grant does not reach that far they cannot
 * be seen; the reconciler in the cluster sees them and refuses such a set itself.
 */
async function listListeners(
  log: Log,
  { client, cluster, signal }: Look,
): Promise<AutoscalingListener[]> {
  try {
    return (await client.list<AutoscalingListener>(autoscalingListeners, { signal })).items;
  } catch (error) {
    const isHidden = error instanceof KubernetesError && error.status === 403;
    if (!isHidden || !cluster.namespaces) throw error;
    log.debug("listeners_not_visible", { cluster: cluster.name });
    return [];
  }
}

async function listManaged({ client, signal }: Look): Promise<string[]> {
  const labelSelector = `${labels.managed}=true`;
  const found = await client.list(namespaces, { labelSelector, signal });
  return found.items.map(({ metadata }) => metadata.name);
}

/** Per namespace where the grant is per namespace: a cluster-wide list would be refused. */
async function listRunnerSets({ client, cluster, signal }: Look): Promise<AutoscalingRunnerSet[]> {
  const list = async (where: { namespace?: string }) =>
    (await client.list<AutoscalingRunnerSet>(autoscalingRunnerSets, { ...where, signal })).items;
  if (!cluster.namespaces) return list({});
  const lists = await Promise.all(cluster.namespaces.map((namespace) => list({ namespace })));
  return lists.flat();
}

/** Nothing for a set that its reconciler has not registered yet, or whose URL is wrong. */
function toObserved(
  log: Log,
  cluster: ClusterRow,
  set: AutoscalingRunnerSet,
  served: Set<string>,
): ObservedRunnerSet[] {
  const { metadata, spec } = set;
  const scaleSetId = Number(metadata.annotations?.[annotations.scaleSetId]);
  if (!Number.isInteger(scaleSetId) || scaleSetId <= 0) return [];
  const namespace = metadata.namespace ?? "";
  const configUrl = spec.githubConfigUrl ?? "";
  try {
    return [
      {
        target: { cluster: cluster.name, namespace, autoscalingRunnerSet: metadata.name },
        configUrl,
        scopeKey: parseConfigUrl(configUrl).scopeKey,
        scaleSetId,
        name: spec.runnerScaleSetName || metadata.name,
        runnerGroup: (spec.runnerGroup ?? "").toLowerCase(),
        labels: spec.runnerScaleSetLabels ?? [],
        share: metadata.annotations?.[annotations.share] === "true",
        createdAt: Date.parse(metadata.creationTimestamp ?? "") || 0,
        wanted: [
          `${spec.minRunners ?? 0}..${spec.maxRunners ?? ""}`,
          ...(metadata.deletionTimestamp ? ["deleting"] : []),
          ...(cluster.draining ? ["draining"] : []),
        ].join(" "),
        hasListener: served.has(`${namespace}/${metadata.name}`),
      },
    ];
  } catch (error) {
    log.warn("runner_set_unreadable", {
      cluster: cluster.name,
      namespace,
      name: metadata.name,
      error,
    });
    return [];
  }
}
