// Why: a runner set that somebody has just made is served as soon as a watch shows it; the sweep, which looks each
// minute, is for clusters that nobody watches.
import { targetKey, type TargetRef } from "@runlet/domain/target";
import { annotations, type AutoscalingRunnerSet } from "@runlet/kubernetes/resources";
import { describeError } from "@runlet/runtime/log";
import type { ServedRows } from "./serve-rows.ts";
import type { Shard } from "./shard.ts";

const keyParts = /^([^/]*)\/([^/]*)\/([^/]*)$/;

/** Tells `noticed` of every runner set with a scale set id that no row names; `found` is called afterwards. */
export function noticeRunnerSets(shard: Shard, rows: ServedRows, found: () => void): void {
  const told = new Set<string>();
  shard.clusters.onChange((key) => {
    const [, cluster, namespace, autoscalingRunnerSet] = keyParts.exec(key) ?? [];
    if (!cluster || !namespace || !autoscalingRunnerSet) return;
    const ref: TargetRef = { cluster, namespace, autoscalingRunnerSet };
    const fresh = findFresh(shard, rows, ref);
    const mark = `${key} ${fresh}`;
    if (fresh === undefined || told.has(mark)) return;
    told.add(mark);
    void tell(shard, ref).then((done) => {
      if (done) found();
      else told.delete(mark);
    });
  });
}

async function tell(shard: Shard, ref: TargetRef): Promise<boolean> {
  try {
    shard.log.info("runner_set_noticed", { target: targetKey(ref) });
    await shard.deps.noticed(ref);
    return true;
  } catch (error) {
    shard.log.warn("runner_set_not_registered", { ...ref, error: describeError(error) });
    return false;
  }
}

/** The scale set id of a runner set that may be served and that no row has under this id. */
function findFresh(shard: Shard, rows: ServedRows, ref: TargetRef): number | undefined {
  const cluster = shard.clusters.find(ref.cluster);
  const runnerSet = cluster?.findRunnerSet(ref);
  if (!cluster || !runnerSet || runnerSet.metadata.deletionTimestamp) return undefined;
  if (!cluster.isManaged(ref.namespace) || cluster.hasListener(ref)) return undefined;
  const id = scaleSetIdOf(runnerSet);
  const key = targetKey(ref);
  const known = rows
    .all()
    .some((row) => row.scaleSetId === id && row.targets.some((one) => targetKey(one) === key));
  return known ? undefined : id;
}

function scaleSetIdOf({ metadata }: AutoscalingRunnerSet): number | undefined {
  const id = Number(metadata.annotations?.[annotations.scaleSetId]);
  return Number.isSafeInteger(id) && id > 0 ? id : undefined;
}
