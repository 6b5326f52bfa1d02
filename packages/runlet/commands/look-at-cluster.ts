// Why: half of a scale set's state is in its clusters: how many runners there are, whose the runner sets are, and what the
// reconciler says on each AutoscalingRunnerSet, also on one that is no scale set yet.
import { parseConfigUrl } from "@runlet/actions-service/config-url";
import type { ClusterRow, ScaleSetRow } from "@runlet/coordination/registry";
import {
  annotations,
  autoscalingRunnerSets,
  ephemeralRunnerSets,
  labels,
  type AutoscalingRunnerSet,
  type EphemeralRunnerSet,
} from "@runlet/kubernetes/resources";
import { listIn, listManaged } from "./check-cluster.ts";
import { withCluster } from "./cluster-client.ts";
import { explainSilence } from "./explain-silence.ts";
import type { Place } from "./place.ts";

export interface SeenCluster {
  row: ClusterRow;
  /** A sentence on why it could not be asked; undefined: it answered. */
  silent: string | undefined;
  autoscaling: AutoscalingRunnerSet[];
  runnerSets: EphemeralRunnerSet[];
  /** Namespaces that Runlet may act in. */
  managed: ReadonlySet<string>;
}

/** Never rejects: a cluster that cannot be asked is seen as silent. */
export async function lookAtCluster(
  place: Pick<Place, "clock" | "label" | "accessTo">,
  row: ClusterRow,
): Promise<SeenCluster> {
  const nothing = { autoscaling: [], runnerSets: [], managed: new Set<string>() };
  try {
    return await withCluster(place, row, async (client) => {
      const [autoscaling, runnerSets, managed] = await Promise.all([
        listIn<AutoscalingRunnerSet>(client, autoscalingRunnerSets, row.namespaces),
        listIn<EphemeralRunnerSet>(client, ephemeralRunnerSets, row.namespaces),
        row.namespaces ?? listManaged(client),
      ]);
      return { row, silent: undefined, autoscaling, runnerSets, managed: new Set(managed) };
    });
  } catch (error) {
    return { row, silent: explainSilence(row, error), ...nothing };
  }
}

/** What the reconciler says on the set where it is not well: `RunnersNotStarting: …`. */
export function ailingOf(set: AutoscalingRunnerSet | undefined): string | undefined {
  const ours = set?.status?.conditions?.filter(({ type }) =>
    ["Registered", "Healthy"].includes(type),
  );
  const bad = ours?.find(({ status }) => status === "False");
  return bad && `${bad.reason}: ${bad.message}`;
}

/** Why an AutoscalingRunnerSet that is no target of a scale set of `rows` is not served, with the remedy. */
export function explainUnregistered(
  set: AutoscalingRunnerSet,
  cluster: SeenCluster,
  rows: readonly ScaleSetRow[],
): string {
  const { namespace = "" } = set.metadata;
  if (!cluster.managed.has(namespace)) {
    return cluster.row.namespaces
      ? `namespace ${namespace} is none of those that cluster ${cluster.row.name} was added with`
      : `namespace ${namespace} is not managed: kubectl label namespace ${namespace} ${labels.managed}=true`;
  }
  const ailing = ailingOf(set);
  if (ailing !== undefined) return ailing;
  const holder = findHolder(set, rows);
  if (holder) {
    const [other] = holder.targets;
    const where = other ? `${other.cluster}/${other.namespace}` : "another cluster";
    return `scale set ${holder.name} is served for ${where}: to serve it from both, write the annotation ${annotations.share}: "true" on both; else take another name`;
  }
  const registered = set.status?.conditions?.some(({ type }) => type === "Registered");
  return registered
    ? "it is known to GitHub, but not served: within a minute the sweep finds it, or says in its log why not (runner_set_refused)"
    : `no reconciler has taken it up: is its chart installed in cluster ${cluster.row.name}, and its pod running?`;
}

/** The scale set that `set` was registered as, where it is served for somebody else. */
function findHolder(
  { metadata, spec }: AutoscalingRunnerSet,
  rows: readonly ScaleSetRow[],
): ScaleSetRow | undefined {
  const id = Number(metadata.annotations?.[annotations.scaleSetId]);
  const found = rows.filter(({ scaleSetId }) => scaleSetId === id);
  try {
    const { scopeKey } = parseConfigUrl(spec.githubConfigUrl ?? "");
    return found.find((row) => row.scopeKey === scopeKey);
  } catch {
    // No URL, no scale set: the reconciler says so on the set.
    return undefined;
  }
}
