// Why: a cluster that is registered and does not work shows only when a job waits. Everything that can be wrong with it is
// asked at once, over the access that poller and sweep have.
import type { ClusterRow } from "@runlet/coordination/registry";
import type { OpenAccess } from "@runlet/kubernetes/access";
import { KubernetesError, type KubernetesClient } from "@runlet/kubernetes/client";
import { lookAtServer, type ServerLook } from "@runlet/kubernetes/look-at-server";
import {
  annotations,
  autoscalingListeners,
  autoscalingRunnerSets,
  ephemeralRunnerSets,
  labels,
  namespaces,
  type AutoscalingListener,
  type AutoscalingRunnerSet,
  type EphemeralRunnerSet,
} from "@runlet/kubernetes/resources";
import { findLacking, type Right } from "@runlet/kubernetes/review-access";
import { callLimitMs } from "./cluster-client.ts";
import { listRights } from "./cluster-role.ts";
import type { Place } from "./place.ts";

export interface ClusterCheck extends ServerLook {
  server: string;
  /** What the account may do of what it must, and what it may not. */
  rights: { asked: number; granted: Right[]; lacking: Right[] };
  /** Kinds of ours that the server does not serve. */
  missingKinds: string[];
  /** Where Runlet may act; undefined: the account may not see it. */
  managed: string[] | undefined;
  /** Where ARC's listeners serve runner sets; undefined: the account may not see it. */
  arc: string[] | undefined;
  /** Runner sets, by whether a reconciler of ours has taken them up. */
  runnerSets: { all: number; ours: number } | undefined;
  /** Versions of the reconcilers that noted something on a runner set; undefined: not visible. */
  reconcilers: string[] | undefined;
}

const group = "actions.github.com/v1alpha1";
const kinds = [autoscalingRunnerSets, ephemeralRunnerSets, autoscalingListeners];

/** Throws KubernetesError or a transport's error when the server cannot be asked at all. */
export async function checkCluster(
  { clock }: Pick<Place, "clock">,
  row: Pick<ClusterRow, "namespaces">,
  client: KubernetesClient,
  access: OpenAccess,
): Promise<ClusterCheck> {
  const look = await lookAtServer({ clock, access, limitMs: callLimitMs }, group);
  const rights = listRights(row.namespaces);
  const lacking = await findLacking(client, rights);
  const managed = row.namespaces ?? (await seen(() => listManaged(client)));
  return {
    ...look,
    server: access.server,
    rights: {
      asked: rights.length,
      granted: rights.filter((right) => !lacking.includes(right)),
      lacking,
    },
    missingKinds: kinds.map(({ plural }) => plural).filter((name) => !look.kinds.includes(name)),
    managed,
    arc: await seen(() => listArc(client, row.namespaces)),
    runnerSets: undefined,
    reconcilers: undefined,
    ...(await seen(() => lookAtRunnerSets(client, row.namespaces))),
  };
}

/** What keeps the cluster from being served, each with its remedy; empty: nothing. */
export function problemsOf(check: ClusterCheck): string[] {
  const { rights, missingKinds, clockSkewMs = 0, managed } = check;
  return [
    ...(rights.lacking.length > 0
      ? [`${rights.lacking.length} of ${rights.asked} rights are lacking: runlet cluster grant`]
      : []),
    ...(missingKinds.length > 0
      ? [`no ${missingKinds.join(", ")} are served: install the reconciler's chart, with its CRDs`]
      : []),
    ...(Math.abs(clockSkewMs) > 30_000
      ? ["the cluster's clock is off: tokens may be refused before their time; set it"]
      : []),
    ...(managed?.length === 0
      ? [`no namespace is managed: kubectl label namespace NAME ${labels.managed}=true`]
      : []),
  ];
}

/** Undefined where the account may not look, or the kind is not there; the rest of the check says so. */
async function seen<T>(look: () => Promise<T>): Promise<T | undefined> {
  try {
    return await look();
  } catch (error) {
    if (error instanceof KubernetesError && [403, 404].includes(error.status)) return undefined;
    throw error;
  }
}

/** Namespaces that carry the label. */
export async function listManaged(client: KubernetesClient): Promise<string[]> {
  const found = await client.list(namespaces, { labelSelector: `${labels.managed}=true` });
  return found.items.map(({ metadata }) => metadata.name).toSorted();
}

/** ARC keeps its listeners in its own namespace: by those rights alone they may not be seen. */
async function listArc(
  client: KubernetesClient,
  granted: readonly string[] | undefined,
): Promise<string[]> {
  const items = await listIn<AutoscalingListener>(client, autoscalingListeners, granted);
  const served = items.flatMap(({ spec }) => spec.autoscalingRunnerSetNamespace ?? []);
  return [...new Set(served)].toSorted();
}

async function lookAtRunnerSets(
  client: KubernetesClient,
  granted: readonly string[] | undefined,
): Promise<Pick<ClusterCheck, "runnerSets" | "reconcilers">> {
  const items = await listIn<EphemeralRunnerSet>(client, ephemeralRunnerSets, granted);
  // Only our reconciler makes them with a fence (ARC's does not know it).
  const ours = items.filter(({ metadata }) => metadata.annotations?.[annotations.fence]);
  const versions = items.flatMap(
    ({ metadata }) => metadata.annotations?.[annotations.reconciler] ?? [],
  );
  return {
    runnerSets: { all: items.length, ours: ours.length },
    reconcilers: [...new Set(versions)].toSorted(),
  };
}

/** In the whole cluster, or in each namespace of the grant. */
export async function listIn<
  T extends AutoscalingRunnerSet | EphemeralRunnerSet | AutoscalingListener,
>(
  client: KubernetesClient,
  resource: typeof ephemeralRunnerSets,
  granted: readonly string[] | undefined,
): Promise<T[]> {
  if (!granted) return (await client.list<T>(resource)).items;
  const lists = await Promise.all(
    granted.map((namespace) => client.list<T>(resource, { namespace })),
  );
  return lists.flatMap(({ items }) => items);
}
