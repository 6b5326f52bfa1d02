// Why: what exists in the clusters becomes who serves what. The plan is pure, since every one of its rules has
// lost somebody a scale set: a list that failed counts as present, an ARS that ARC still serves is refused, and
// two ARSs are one scale set only when both say so.
import type { ClusterRow, ScaleSetRow } from "@runlet/coordination/registry";
import { targetKey, type TargetRef } from "@runlet/domain/target";

/** An AutoscalingRunnerSet that its reconciler has registered at the service. */
export interface ObservedRunnerSet {
  target: TargetRef;
  configUrl: string;
  scopeKey: string;
  scaleSetId: number;
  name: string;
  runnerGroup: string;
  labels: string[];
  /** runlet.dev/share=true */
  share: boolean;
  /** Milliseconds since 1970. */
  createdAt: number;
  /** Its bounds, and whether it is being deleted or emptied, in words that change when one of them does. */
  wanted: string;
  /** A live AutoscalingListener serves it: it is ARC's. */
  hasListener: boolean;
}

export interface RegistryInput {
  observed: ObservedRunnerSet[];
  /** Every runner set there is, served by us or not (unmanaged, ARC's, unreadable): keys of targetKey. */
  existing: Pick<ReadonlySet<string>, "has">;
  clusters: ClusterRow[];
  /** Clusters whose list failed this time. */
  silent: string[];
  rows: ScaleSetRow[];
  shardSize: number;
}

export interface RegistryPlan {
  put: ScaleSetRow[];
  /** Rows without a target. `deleteScaleSet`: nobody else will delete it at the service. */
  remove: { row: ScaleSetRow; deleteScaleSet: boolean }[];
  refused: { target: TargetRef; why: "listener" | "not-shared"; scaleSetKey: string }[];
}

/** Registry rows after a look at the clusters. Rows that stay as they are are in no list. */
export function planRegistry(input: RegistryInput): RegistryPlan {
  const plan: RegistryPlan = { put: [], remove: [], refused: [] };
  const old = new Map(input.rows.map((row) => [row.key, row]));
  const byKey = groupByKey(input.observed);
  const sizes = shardSizes(input.rows);
  const keys = [...new Set([...old.keys(), ...byKey.keys()])].sort();

  for (const key of keys) {
    const before = old.get(key);
    const admitted = admit(byKey.get(key) ?? [], before, plan);
    const targets = [...admitted.map(({ target }) => target), ...unseenTargets(before, input)];
    const lead = admitted[0];
    if (targets.length === 0) {
      if (before) plan.remove.push({ row: before, deleteScaleSet: mayDelete(before, input) });
      continue;
    }
    const row = lead
      ? describe(key, lead, admitted, before?.shard ?? pickShard(sizes, input.shardSize))
      : before;
    if (!row) continue;
    const wanted = wantedOf(admitted, unseenTargets(before, input), before);
    const next = {
      ...row,
      targets: sortTargets(targets),
      ...(wanted.length > 0 && { wanted }),
    };
    if (!before || JSON.stringify(canonical(before)) !== JSON.stringify(canonical(next))) {
      plan.put.push(next);
    }
  }
  return plan;
}

function groupByKey(observed: ObservedRunnerSet[]): Map<string, ObservedRunnerSet[]> {
  const groups = new Map<string, ObservedRunnerSet[]>();
  for (const set of observed) {
    const key = `${set.scopeKey}:${set.scaleSetId}`;
    groups.set(key, [...(groups.get(key) ?? []), set]);
  }
  return groups;
}

/** Who of the group may be a target: known ones first, then by age; without the share mark, one alone. */
function admit(
  group: ObservedRunnerSet[],
  before: ScaleSetRow | undefined,
  plan: RegistryPlan,
): ObservedRunnerSet[] {
  const known = new Set(before?.targets.map(targetKey) ?? []);
  const rank = (set: ObservedRunnerSet) => (known.has(targetKey(set.target)) ? 0 : 1);
  const ordered = group.toSorted(
    (a, b) =>
      rank(a) - rank(b) ||
      a.createdAt - b.createdAt ||
      targetKey(a.target).localeCompare(targetKey(b.target)),
  );
  const admitted: ObservedRunnerSet[] = [];
  for (const set of ordered) {
    const first = admitted[0];
    const why = set.hasListener
      ? "listener"
      : first && !(first.share && set.share)
        ? "not-shared"
        : undefined;
    if (!why) admitted.push(set);
    else {
      const scaleSetKey = `${set.scopeKey}:${set.scaleSetId}`;
      plan.refused.push({ target: set.target, why, scaleSetKey });
    }
  }
  return admitted;
}

/** Targets in clusters that did not answer: present until a list says otherwise. */
function unseenTargets(before: ScaleSetRow | undefined, input: RegistryInput): TargetRef[] {
  const silent = new Set(input.silent);
  return before?.targets.filter(({ cluster }) => silent.has(cluster)) ?? [];
}

/**
 * A shared scale set is deleted by us alone, and only when every cluster was seen and none of its runner sets is there
 * any more, in whatever state: one that went back to ARC keeps its scale set. `cluster remove` deletes nothing.
 */
function mayDelete(row: ScaleSetRow, input: RegistryInput): boolean {
  const registered = new Set(input.clusters.map(({ name }) => name));
  return (
    row.shared &&
    input.silent.length === 0 &&
    row.targets.every((target) => registered.has(target.cluster)) &&
    !row.targets.some((target) => input.existing.has(targetKey(target)))
  );
}

function describe(
  key: string,
  lead: ObservedRunnerSet,
  admitted: ObservedRunnerSet[],
  shard: string,
): ScaleSetRow {
  const { scopeKey, configUrl, scaleSetId, name, runnerGroup } = lead;
  const labels = [...new Set(admitted.flatMap((set) => [set.name, ...set.labels]))];
  return {
    key,
    scopeKey,
    configUrl,
    scaleSetId,
    name,
    runnerGroup,
    labels: labels.map((label) => label.toLowerCase()).sort(),
    shard,
    targets: [],
    shared: admitted.every(({ share }) => share),
  };
}

/** A resting shard watches nothing: that its bounds have changed must show in the row. */
function wantedOf(
  admitted: ObservedRunnerSet[],
  unseen: TargetRef[],
  before: ScaleSetRow | undefined,
): string[] {
  const kept = unseen.flatMap((target) =>
    (before?.wanted ?? []).filter((one) => one.startsWith(`${targetKey(target)} `)),
  );
  return [
    ...admitted.map(({ target, wanted }) => `${targetKey(target)} ${wanted}`),
    ...kept,
  ].sort();
}

function shardSizes(rows: ScaleSetRow[]): Map<string, number> {
  const sizes = new Map<string, number>();
  for (const { shard } of rows) sizes.set(shard, (sizes.get(shard) ?? 0) + 1);
  return sizes;
}

/** The first shard with room, or a new one; counts the place as taken. */
function pickShard(sizes: Map<string, number>, shardSize: number): string {
  for (let n = 0; ; n++) {
    const shard = `shard-${n}`;
    const size = sizes.get(shard) ?? 0;
    if (size >= shardSize) continue;
    sizes.set(shard, size + 1);
    return shard;
  }
}

function sortTargets(targets: TargetRef[]): TargetRef[] {
  return targets.toSorted((a, b) => targetKey(a).localeCompare(targetKey(b)));
}

/** Field order must not count as a change. */
function canonical(row: ScaleSetRow): unknown[] {
  return Object.entries(row).toSorted(([a], [b]) => a.localeCompare(b));
}
