// Why: who serves what is spread over the table (leases, serves rows, checkpoints), the clusters (runner sets) and the store
// of credentials. This reads all of it once and changes nothing.
import { summarizeRow, type CheckpointSummary } from "@runlet/coordination/checkpoint-row";
import { formatFence, parseFence } from "@runlet/coordination/fence";
import { keys } from "@runlet/coordination/keys";
import { getSettled, type SettleDeps } from "@runlet/coordination/put-settled";
import type { ClusterRow, ScaleSetRow } from "@runlet/coordination/registry";
import {
  annotations,
  ephemeralRunnerSets,
  type EphemeralRunnerSet,
} from "@runlet/kubernetes/resources";
import { describeError } from "@runlet/runtime/log";
import { listIn } from "./check-cluster.ts";
import { withCluster } from "./cluster-client.ts";
import { decideHealth, type Health, type HealthFacts, type TargetFacts } from "./decide-health.ts";
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

export interface Status {
  place: string;
  shards: ShardStatus[];
  scaleSets: ScaleSetStatus[];
}

/** What is looked at of a place. */
export type StatusPlace = Pick<
  Place,
  "label" | "clock" | "random" | "table" | "registry" | "credentials" | "accessTo"
>;

/** Everything, or the scale sets that `wanted` names (by name or key). Throws when there is none of that name. */
export async function observeStatus(
  place: StatusPlace,
  wanted: string | undefined,
): Promise<Status> {
  const registry = await place.registry();
  const all = (await registry.listScaleSets()).map(({ row }) => row);
  const rows = all.filter(({ key, name }) => wanted === undefined || [key, name].includes(wanted));
  if (wanted !== undefined && rows.length === 0) {
    const names = all.map(({ name }) => name).join(", ");
    throw new Error(
      `there is no scale set ${wanted}; ${names ? `there are ${names}` : "none is known"}`,
    );
  }
  const clusters = (await registry.listClusters()).map(({ row }) => row);
  const used = new Set(rows.flatMap(({ targets }) => targets.map(({ cluster }) => cluster)));
  const deps = { ...place, table: await place.table() };
  const shards = [...new Set(rows.map(({ shard }) => shard))].toSorted();
  const [holders, seen] = await Promise.all([
    Promise.all(shards.map(async (shard) => [shard, await watchHolder(deps, shard)] as const)),
    Promise.all(clusters.filter(({ name }) => used.has(name)).map((row) => lookAt(place, row))),
  ]);
  const look = {
    holders: new Map(holders),
    clusters: new Map(seen.map((one) => [one.row.name, one])),
    installation: await findInstallation(deps),
  };
  return {
    place: place.label,
    shards: holders.map(([shard, holder]) => describeShard(shard, holder, all)),
    scaleSets: await Promise.all(rows.map((row) => observeSet(place, deps, row, look))),
  };
}

interface SeenCluster {
  row: ClusterRow;
  silent: string | undefined;
  runnerSets: EphemeralRunnerSet[];
}

interface Look {
  holders: Map<string, Holder>;
  clusters: Map<string, SeenCluster>;
  installation: string | undefined;
}

async function lookAt(place: StatusPlace, row: ClusterRow): Promise<SeenCluster> {
  try {
    const runnerSets = await withCluster(place, row, (client) =>
      listIn<EphemeralRunnerSet>(client, ephemeralRunnerSets, row.namespaces),
    );
    return { row, silent: undefined, runnerSets };
  } catch (error) {
    return { row, silent: describeError(error), runnerSets: [] };
  }
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
  deps: SettleDeps,
  row: ScaleSetRow,
  look: Look,
): Promise<ScaleSetStatus> {
  const registry = await place.registry();
  const [stored, serves, credential] = await Promise.all([
    getSettled(deps, keys.checkpoint(row.key)),
    registry.findServes(row.shard),
    findCredential(place, row.configUrl),
  ]);
  const checkpoint = stored && summarizeRow(stored);
  const targets = row.targets.map((ref) => describeTarget(ref, checkpoint, look));
  const facts: HealthFacts = {
    scopeUrl: row.configUrl,
    credential,
    shard: row.shard,
    holder: look.holders.get(row.shard)?.state ?? "none",
    listed: serves?.scaleSetKeys.includes(row.key) ?? false,
    hasSession: checkpoint?.hasSession ?? false,
    assigned: checkpoint?.statistics?.totalAssignedJobs ?? 0,
    targets,
  };
  const age = (since: number | undefined) =>
    since === undefined ? undefined : Math.max(0, place.clock.wallMs() - since);
  return {
    key: row.key,
    name: row.name,
    shard: row.shard,
    health: decideHealth(facts),
    sessionAgeMs: age(checkpoint?.hasSession ? checkpoint.sessionSince : undefined),
    lastNewsMs: age(checkpoint?.savedAt),
    assigned: facts.assigned,
    targets,
  };
}

async function findCredential(
  place: StatusPlace,
  configUrl: string,
): Promise<HealthFacts["credential"]> {
  try {
    return (await place.credentials.find(configUrl)) ? "found" : "missing";
  } catch {
    return "unreadable";
  }
}

function describeTarget(
  ref: ScaleSetRow["targets"][number],
  checkpoint: CheckpointSummary | undefined,
  look: Look,
): TargetStatus {
  const { cluster: name, namespace, autoscalingRunnerSet } = ref;
  const target = `${name}/${namespace}/${autoscalingRunnerSet}`;
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
  return {
    target,
    cluster: name,
    silent: cluster ? cluster.silent : "it is not registered",
    draining: cluster?.row.draining ?? false,
    foreign: owner === look.installation ? undefined : owner,
    owed: known?.owed !== undefined,
    desired: known?.pair.replicas ?? 0,
    actual: runnerSet?.status?.currentReplicas,
    busy,
  };
}
