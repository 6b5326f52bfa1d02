// Why: a new AutoscalingRunnerSet is served without anybody registering it by hand. The sweep calls this each
// minute, a poller as soon as its watch shows a set that no row names.
import type { ClusterRow, Registry, ScaleSetRow } from "@runlet/coordination/registry";
import type { Wakes } from "@runlet/coordination/wake";
import type { ActionsService } from "@runlet/actions-service/service";
import { describeError, type Log } from "@runlet/runtime/log";
import type { MetricSink } from "@runlet/runtime/metrics";
import type { Settings } from "@runlet/runtime/settings";
import { targetKey } from "@runlet/domain/target";
import { remedies } from "../remedies.ts";
import { observeClusters, type ObserveDeps } from "./observe-clusters.ts";
import { planRegistry, type RegistryPlan } from "./plan-registry.ts";
import { wakeEach } from "./wake-each.ts";

export interface DiscoverDeps extends ObserveDeps {
  log: Log;
  metrics: MetricSink;
  settings: Pick<Settings, "shardSize" | "effectTimeoutMs">;
  registry: Registry;
  wakes: Wakes;
  findService: (configUrl: string) => Promise<ActionsService | undefined>;
  /** Forgets what is kept of a scale set that has no target any more (checkpoint). */
  forget: (scaleSetKey: string) => Promise<void>;
}

export interface Discovery {
  clusters: ClusterRow[];
  /** The rows as they are afterwards. */
  rows: ScaleSetRow[];
  silent: string[];
  refused: RegistryPlan["refused"];
  /** Uids of the runner sets that were seen, by their targets' keys. */
  uids: ReadonlyMap<string, string>;
}

/**
 * So many scale sets are deleted at the service a look. If clusters show nothing for a reason that nobody thought of,
 * there is time to notice; the others follow with the next looks.
 */
const deletedMax = 10;

type Stored = Awaited<ReturnType<Registry["listScaleSets"]>>;

/**
 * Brings the registry up to date with the clusters and wakes the shards whose sets changed. `stored`: the rows, if they
 * have just been read.
 */
export async function discover(deps: DiscoverDeps, stored?: Stored): Promise<Discovery> {
  // The rows first: what another look registers while the clusters are asked must not seem to be without a target.
  const before = stored ?? (await deps.registry.listScaleSets());
  const clusters = (await deps.registry.listClusters()).map(({ row }) => row);
  const { observed, existing, silent } = await observeClusters(deps, clusters);
  const rows = before.map(({ row }) => row);
  const versions = new Map(before.map(({ row, version }) => [row.key, version]));
  const { shardSize } = deps.settings;
  const plan = planRegistry({ observed, existing, clusters, silent, rows, shardSize });

  const written = await putRows(deps, plan, versions);
  const removed = await removeRows(deps, plan, versions);
  for (const { target, why, scaleSetKey: scaleSet } of plan.refused) {
    const remedy = remedies.refused[why];
    deps.log.warn("runner_set_refused", { target: targetKey(target), why, scaleSet, remedy });
  }
  const changed = new Set([...written, ...removed].map(({ shard }) => shard));
  await wakeEach(
    deps,
    [...changed].map((shard) => ({ shard, reason: "sweep" })),
  );
  const { refused } = plan;
  return { clusters, rows: after(rows, removed, written), silent, refused, uids: existing };
}

type Versions = ReadonlyMap<string, string>;

async function putRows(
  deps: DiscoverDeps,
  plan: RegistryPlan,
  versions: Versions,
): Promise<ScaleSetRow[]> {
  const written: ScaleSetRow[] = [];
  for (const row of plan.put) {
    const done = await deps.registry.putScaleSet(row, versions.get(row.key));
    // Refused: another look was faster; the next one sees what it wrote.
    if (done === "refused") continue;
    written.push(row);
    deps.log.info("scale_set_registered", {
      scaleSet: row.key,
      shard: row.shard,
      targets: row.targets,
    });
  }
  return written;
}

/** Side by side: one organisation whose service hangs holds up no other's. */
async function removeRows(
  deps: DiscoverDeps,
  plan: RegistryPlan,
  versions: Versions,
): Promise<ScaleSetRow[]> {
  const deletions = plan.remove.filter(({ deleteScaleSet }) => deleteScaleSet);
  const chosen = chooseDeletions(deletions, deps.clock.wallMs());
  const left = deletions.filter((one) => !chosen.includes(one));
  if (left.length > 0) deps.log.warn("scale_sets_deleted_later", { count: left.length });
  const now = plan.remove.filter((one) => !left.includes(one));
  const removed = await Promise.all(
    now.map(async ({ row, deleteScaleSet }) => {
      if (deleteScaleSet && !(await deleteAtService(deps, row))) return [];
      // Refused: another look has found it again meanwhile, and its checkpoint is needed.
      const done = await deps.registry.removeScaleSet(row.key, versions.get(row.key) ?? "");
      if (done === "refused") return [];
      await deps.forget(row.key);
      deps.log.info("scale_set_removed", { scaleSet: row.key, deletedAtService: deleteScaleSet });
      return [row];
    }),
  );
  return removed.flat();
}

/** Others each minute, in turn: those that the service never lets go must not stand before the rest for ever. */
function chooseDeletions<T>(all: readonly T[], wallMs: number): T[] {
  if (all.length <= deletedMax) return [...all];
  const from = (Math.floor(wallMs / 60_000) * deletedMax) % all.length;
  return [...all, ...all].slice(from, from + deletedMax);
}

/** A shared scale set whose last target is gone: no reconciler may delete it, so we do (retried by the next look). */
async function deleteAtService(deps: DiscoverDeps, row: ScaleSetRow): Promise<boolean> {
  let service: ActionsService | undefined;
  try {
    service = await deps.findService(row.configUrl);
  } catch (error) {
    // What is stored for one scope must not end the look at all others.
    deps.log.warn("scale_set_not_deleted", { scaleSet: row.key, error: describeError(error) });
    return false;
  }
  if (!service) {
    deps.log.warn("scope_without_credential", { scope: row.scopeKey, scaleSet: row.key });
    return false;
  }
  const outcome = await service.deleteScaleSet(row.scaleSetId);
  if (outcome.ok) deps.metrics.count("scale-sets-deleted");
  if (outcome.ok) return true;
  deps.log.warn("scale_set_not_deleted", { scaleSet: row.key, failure: outcome.failure });
  return false;
}

/** A row that was refused is not there as planned: nobody is to be woken for it. */
function after(rows: ScaleSetRow[], removed: ScaleSetRow[], written: ScaleSetRow[]): ScaleSetRow[] {
  const gone = new Set(removed.map(({ key }) => key));
  const put = new Map(written.map((row) => [row.key, row]));
  const kept = rows.filter(({ key }) => !gone.has(key)).map((row) => put.get(row.key) ?? row);
  const known = new Set(rows.map(({ key }) => key));
  return [...kept, ...written.filter(({ key }) => !known.has(key))];
}
