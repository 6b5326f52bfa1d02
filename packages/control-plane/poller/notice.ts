// Why: a runner set that somebody has just made is served as soon as a watch shows it; the sweep, which looks each
// minute, is for clusters that nobody watches.
import { targetKey, type TargetRef } from "@runlet/domain/target";
import { annotations, type AutoscalingRunnerSet } from "@runlet/kubernetes/resources";
import { describeError } from "@runlet/runtime/log";
import type { ServedRows } from "./serve-rows.ts";
import type { Shard } from "./shard.ts";

const keyParts = /^([^/]*)\/([^/]*)\/([^/]*)$/;

/** Registering reads every runner set of every cluster: a chart of two hundred must not ask for it two hundred times. */
const betweenMs = 500;

interface Noticed {
  mark: string;
  ref: TargetRef;
}

/**
 * Tells `noticed` of every runner set with a scale set id that no row names: the first at once, those that follow it
 * together; `found` is called afterwards.
 */
export function noticeRunnerSets(shard: Shard, rows: ServedRows, found: () => void): void {
  const told = new Set<string>();
  let waiting: Noticed[] = [];
  let telling = false;

  async function tellAll(): Promise<void> {
    while (waiting.length > 0 && !shard.hasEnded()) {
      const now = waiting;
      waiting = [];
      if (await tell(shard, now)) found();
      else for (const { mark } of now) told.delete(mark);
      await shard.deps.clock.sleep(betweenMs, shard.signal).catch(() => {});
    }
    telling = false;
  }

  shard.clusters.onChange((key) => {
    const [, cluster, namespace, autoscalingRunnerSet] = keyParts.exec(key) ?? [];
    if (!cluster || !namespace || !autoscalingRunnerSet) return;
    const ref: TargetRef = { cluster, namespace, autoscalingRunnerSet };
    const fresh = findFresh(shard, rows, ref);
    const mark = `${key} ${fresh}`;
    if (fresh === undefined || told.has(mark)) return;
    told.add(mark);
    waiting.push({ mark, ref });
    if (telling) return;
    telling = true;
    void tellAll();
  });
}

async function tell(shard: Shard, noticed: readonly Noticed[]): Promise<boolean> {
  const refs = noticed.map(({ ref }) => ref);
  try {
    shard.log.info("runner_sets_noticed", { targets: refs.map(targetKey) });
    await shard.deps.noticed(refs);
    return true;
  } catch (error) {
    shard.log.warn("runner_sets_not_registered", { error: describeError(error) });
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
