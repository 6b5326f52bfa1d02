// Why: who serves what is spread over the table (leases, serves rows, checkpoints), the clusters (runner sets) and the store
// of credentials. This reads all of it once and changes nothing.
import { summarizeRow, type CheckpointSummary } from "@runlet/coordination/checkpoint-row";
import { formatFence, parseFence } from "@runlet/coordination/fence";
import { keys } from "@runlet/coordination/keys";
import { getSettled, type SettleDeps } from "@runlet/coordination/put-settled";
import type { ScaleSetRow } from "@runlet/coordination/registry";
import { int32Max } from "@runlet/domain/target";
import { annotations, type EphemeralRunnerSet } from "@runlet/kubernetes/resources";
import { createCredentialAsker } from "./ask-credential.ts";
import { decideHealth, type Health, type HealthFacts, type TargetFacts } from "./decide-health.ts";
import {
  ailingOf,
  explainUnregistered,
  lookAtCluster,
  type SeenCluster,
} from "./look-at-cluster.ts";
import type { Place } from "./place.ts";
import { watchHolder, type Holder } from "./watch-holder.ts";

export interface ShardStatus {
  shard: string;
  state: Holder["state"];
  holder: string | undefined;
  fence: string | undefined;
  /** The heartbeat of a living holder is younger than this; a silent one has stood still for so long. */
  leaseAgeMs: number;
  scaleSets: number;
}

export interface TargetStatus extends TargetFacts {
  target: string;
  busy: number | undefined;
  /** As its AutoscalingRunnerSet says, which may say nothing (2147483647); undefined: not known. */
  maxRunners: number | undefined;
}

export interface ScaleSetStatus {
  key: string;
  name: string;
  shard: string;
  health: Health;
  sessionAgeMs: number | undefined;
  /** Since the last poll that brought something: an empty poll writes nothing. */
  lastNewsMs: number | undefined;
  assigned: number;
  targets: TargetStatus[];
}

/** An AutoscalingRunnerSet that nobody serves, since no scale set is known of it. */
export interface UnregisteredStatus {
  name: string;
  target: string;
  reason: string;
}

export interface Status {
  place: string;
  /** That nothing of it runs, with what to type. */
  stopped?: string;
  shards: ShardStatus[];
  scaleSets: ScaleSetStatus[];
  unregistered: UnregisteredStatus[];
  /** Registered clusters that could not be asked, each with the reason and remedy. */
  silentClusters: { cluster: string; reason: string }[];
}

/** What is looked at of a place. */
export type StatusPlace = Pick<
  Place,
  | "label"
  | "stopped"
  | "clock"
  | "random"
  | "table"
  | "registry"
  | "credentials"
  | "accessTo"
  | "fetchFor"
>;

/** Everything, or the scale sets that `wanted` names (by name or key). Throws when there is none of that name. */
export async function observeStatus(
  place: StatusPlace,
  wanted: string | undefined,
): Promise<Status> {
  const registry = await place.registry();
  const all = (await registry.listScaleSets()).map(({ row }) => row);
  const rows = all.filter(({ key, name }) => wanted === undefined || [key, name].includes(wanted));
  const { holders, seen, look } = await lookAround(place, rows);
  const unregistered = listUnregistered(seen, all, wanted);
  if (wanted !== undefined && rows.length + unregistered.length === 0)
    throw new Error(describeUnknown(wanted, all, seen));
  return {
    place: place.label,
    ...describeStopped(place, holders),
    shards: holders.map(([shard, holder]) => describeShard(shard, holder, all)),
    scaleSets: await Promise.all(rows.map((row) => observeSet(place, row, look))),
    unregistered,
    silentClusters: seen.flatMap(({ row, silent }) =>
      silent === undefined ? [] : { cluster: row.name, reason: silent },
    ),
  };
}

/** The scale sets of `rows` alone: nobody else's shard, cluster or credential is looked at. */
export async function observeScaleSets(
  place: StatusPlace,
  rows: readonly ScaleSetRow[],
): Promise<ScaleSetStatus[]> {
  const { look } = await lookAround(place, rows, (name) =>
    rows.some(({ targets }) => targets.some(({ cluster }) => cluster === name)),
  );
  return Promise.all(rows.map((row) => observeSet(place, row, look)));
}

async function lookAround(
  place: StatusPlace,
  rows: readonly ScaleSetRow[],
  isMeant: (cluster: string) => boolean = () => true,
) {
  const registry = await place.registry();
  const clusters = (await registry.listClusters()).map(({ row }) => row);
  const deps = { ...place, table: await place.table() };
  const shards = [...new Set(rows.map(({ shard }) => shard))].toSorted();
  const [holders, seen] = await Promise.all([
    Promise.all(shards.map(async (shard) => [shard, await watchHolder(deps, shard)] as const)),
    Promise.all(
      clusters.filter(({ name }) => isMeant(name)).map((row) => lookAtCluster(place, row)),
    ),
  ]);
  const look: Look = {
    holders: new Map(holders),
    clusters: new Map(seen.map((one) => [one.row.name, one])),
    installation: await findInstallation(deps),
    credentialOf: createCredentialAsker(place),
  };
  return { holders, seen, look };
}

interface Look {
  holders: Map<string, Holder>;
  clusters: Map<string, SeenCluster>;
  installation: string | undefined;
  credentialOf(configUrl: string): Promise<HealthFacts["credential"]>;
}

/** Those of managed namespaces; asked for by name, also one in another: that may be why it is asked for. */
function listUnregistered(
  seen: readonly SeenCluster[],
  rows: readonly ScaleSetRow[],
  wanted: string | undefined,
): UnregisteredStatus[] {
  const known = new Set(rows.flatMap(({ targets }) => targets.map(targetKey)));
  return seen.flatMap((cluster) =>
    cluster.autoscaling.flatMap((set) => {
      const { namespace = "", name: autoscalingRunnerSet } = set.metadata;
      const target = targetKey({ cluster: cluster.row.name, namespace, autoscalingRunnerSet });
      const name = set.spec.runnerScaleSetName || autoscalingRunnerSet;
      const isMeant =
        wanted === undefined
          ? cluster.managed.has(namespace)
          : [name, autoscalingRunnerSet].includes(wanted);
      if (!isMeant || known.has(target)) return [];
      return { name, target, reason: explainUnregistered(set, cluster, rows) };
    }),
  );
}

function describeUnknown(
  wanted: string,
  rows: readonly ScaleSetRow[],
  seen: readonly SeenCluster[],
): string {
  const names = rows.map(({ name }) => name).join(", ");
  const silent = seen.filter((one) => one.silent !== undefined).map(({ row }) => row.name);
  const hidden = silent.length === 0 ? "" : ` (no answer from ${silent.join(", ")})`;
  return `there is no scale set ${wanted}${hidden}; ${names ? `there are ${names}` : "none is known"}`;
}

/** A lease that moves is news of a host elsewhere. */
function describeStopped(
  { stopped }: StatusPlace,
  holders: readonly (readonly [string, Holder])[],
) {
  const runs = holders.some(([, { state }]) => state === "alive");
  return stopped === undefined || runs ? {} : { stopped };
}

/** Read only: a deployment that has never run has none. */
async function findInstallation(deps: SettleDeps): Promise<string | undefined> {
  const row = await getSettled(deps, keys.installation);
  const name = row?.value["name"];
  return typeof name === "string" ? name : undefined;
}

function describeShard(shard: string, holder: Holder, rows: readonly ScaleSetRow[]): ShardStatus {
  const { state, lease, watchedMs } = holder;
  return {
    shard,
    state,
    holder: state === "alive" || state === "silent" ? lease?.holder : undefined,
    fence: lease && formatFence(lease.fence),
    leaseAgeMs: Math.round(watchedMs),
    scaleSets: rows.filter((row) => row.shard === shard).length,
  };
}

async function observeSet(
  place: StatusPlace,
  row: ScaleSetRow,
  look: Look,
): Promise<ScaleSetStatus> {
  const registry = await place.registry();
  const deps = { ...place, table: await place.table() };
  const [stored, serves, credential] = await Promise.all([
    getSettled(deps, keys.checkpoint(row.key)),
    registry.findServes(row.shard),
    look.credentialOf(row.configUrl),
  ]);
  const checkpoint = stored && summarizeRow(stored);
  const targets = row.targets.map((ref) => describeTarget(ref, checkpoint, look));
  const age = (since: number | undefined) =>
    since === undefined ? undefined : Math.max(0, place.clock.wallMs() - since);
  const lastNewsMs = age(checkpoint?.savedAt);
  const facts: HealthFacts = {
    scopeUrl: row.configUrl,
    credential,
    shard: row.shard,
    stopped: place.stopped,
    holder: look.holders.get(row.shard)?.state ?? "none",
    listed: serves?.scaleSetKeys.includes(row.key) ?? false,
    hasSession: checkpoint?.hasSession ?? false,
    assigned: checkpoint?.statistics?.totalAssignedJobs ?? 0,
    lastNewsMs,
    targets,
  };
  return {
    key: row.key,
    name: row.name,
    shard: row.shard,
    health: decideHealth(facts),
    sessionAgeMs: age(checkpoint?.hasSession ? checkpoint.sessionSince : undefined),
    lastNewsMs,
    assigned: facts.assigned,
    targets,
  };
}

function describeTarget(
  ref: ScaleSetRow["targets"][number],
  checkpoint: CheckpointSummary | undefined,
  look: Look,
): TargetStatus {
  const { cluster: name, namespace } = ref;
  const target = targetKey(ref);
  const known = checkpoint?.targets[target];
  const cluster = look.clusters.get(name);
  const runnerSet = cluster?.runnerSets.find(
    ({ metadata }) => metadata.namespace === namespace && metadata.name === known?.runnerSet,
  );
  const owner = parseFence(
    runnerSet?.metadata.annotations?.[annotations.fence] ?? "",
  )?.installation;
  const busy =
    runnerSet?.status?.busyEphemeralRunners ?? runnerSet?.status?.runningEphemeralRunners;
  const autoscaling = cluster?.autoscaling.find(
    ({ metadata }) =>
      metadata.namespace === namespace && metadata.name === ref.autoscalingRunnerSet,
  );
  return {
    target,
    cluster: name,
    silent: cluster ? cluster.silent : `cluster ${name} is not registered any more`,
    ailing: ailingOf(autoscaling),
    draining: cluster?.row.draining ?? false,
    foreign: owner === look.installation ? undefined : owner,
    owed: known?.owed !== undefined,
    unacted: countUnacted(runnerSet),
    desired: known?.pair.replicas ?? 0,
    actual: runnerSet?.status?.currentReplicas,
    busy,
    maxRunners: autoscaling && (autoscaling.spec.maxRunners ?? int32Max),
  };
}

/** ARC's reconciler notes nothing, so nothing is known of it. A set that never acted was made with the number 0. */
function countUnacted(runnerSet: EphemeralRunnerSet | undefined): number {
  const noted = runnerSet?.metadata.annotations;
  if (runnerSet === undefined || noted?.[annotations.reconciler] === undefined) return 0;
  const behind = runnerSet.spec.patchID - Number(noted[annotations.actedPatchId] ?? 0);
  // The number 0 is an order, too, and numbers begin anew some day.
  return behind >= 0 ? behind : 1;
}

/** As checkpoints name it: `east/runners/linux`. */
function targetKey({ cluster, namespace, autoscalingRunnerSet }: ScaleSetRow["targets"][number]) {
  return `${cluster}/${namespace}/${autoscalingRunnerSet}`;
}
