// Why: on an acquire-mode server a job that was announced and not taken waits for ever. A lone job whose acquire
// failed brings no further message, so it is tried again from the list of acquirable jobs.
import type { Failure, JobNews, RequestId } from "@runlet/actions-service/service";
import { backoffMs } from "@runlet/runtime/backoff";
import { decideAcquire, roomToAcquire, shouldSeekJobs } from "./decide-acquire.ts";
import { refreshSession } from "./refresh-session.ts";
import { statisticsOf, type ServedSet } from "./scale-set.ts";
import type { Shard } from "./shard.ts";

const retryBackoff = { baseMs: 500, capMs: 15_000 };

/** A host without the list may get it with its next release. */
const absentListMs = 5 * 60_000;

/** Takes the announced jobs there is room for, or seeks those that wait, when it is time for that. */
export async function acquire(
  shard: Shard,
  set: ServedSet,
  news: readonly JobNews[],
): Promise<void> {
  if (set.acquire.absent) return;
  if (statisticsOf(set).totalAvailableJobs <= 0) set.acquire.failures = 0;
  const announced = takeAnnounced(set, news);
  const ids = announced.length > 0 ? announced : await seekJobs(shard, set);
  const room = roomToAcquire(set.capacity, statisticsOf(set), set.acquire.takenSince);
  const wanted = decideAcquire(ids, room);
  if (wanted.length > 0) await take(shard, set, wanted);
}

/**
 * The jobs that were announced and are not ours: what a list named is acquired before its messages come. One that was
 * taken and waits again all the same is in the next list.
 */
function takeAnnounced({ acquire: { taken } }: ServedSet, news: readonly JobNews[]): RequestId[] {
  const announced = new Set<RequestId>();
  for (const { type, requestId } of news) {
    if (type === "JobAvailable") {
      if (!taken.has(requestId)) announced.add(requestId);
      continue;
    }
    taken.delete(requestId);
    announced.delete(requestId);
  }
  return [...announced];
}

/** Ms until jobs are to be sought again; undefined: none wait, or there is no room. */
export function acquireDueIn(shard: Shard, set: ServedSet): number | undefined {
  const room = roomToAcquire(set.capacity, statisticsOf(set), set.acquire.takenSince);
  if (set.acquire.absent || !shouldSeekJobs(statisticsOf(set), room)) return undefined;
  return Math.max(0, set.acquire.retryAt - shard.deps.clock.nowMs());
}

async function seekJobs(shard: Shard, set: ServedSet): Promise<RequestId[]> {
  if (acquireDueIn(shard, set) !== 0) return [];
  const answer = await shard.effect(set.row.scopeKey, set.row.key, (options) =>
    set.service.listAcquirableJobs(set.row.scaleSetId, options),
  );
  if (answer.ok) {
    // The tally may be older than the list: a round that takes nothing is no reason to ask at once again.
    missed(shard, set, undefined);
    return answer.value;
  }
  failed(shard, set, "acquirable_jobs_failed", answer.failure);
  if (answer.failure.reason === "route-absent") tryLater(shard, set, absentListMs);
  return [];
}

async function take(shard: Shard, set: ServedSet, ids: RequestId[]): Promise<void> {
  let answer = await tryTake(shard, set, ids);
  if (!answer.ok && answer.failure.reason === "queue-token-expired") {
    if (!(await refreshSession(shard, set))) answer = await tryTake(shard, set, ids);
  }
  if (!answer.ok) {
    if (answer.failure.reason === "route-absent") set.acquire.absent = true;
    return failed(shard, set, "acquire_failed", answer.failure);
  }
  const taken = answer.value.length;
  set.acquire.takenSince += taken;
  for (const id of answer.value) set.acquire.taken.add(id);
  shard.deps.metrics.count("jobs-acquired", taken);
  set.log.info("jobs_acquired", { asked: ids.length, taken });
  const statistics = statisticsOf(set);
  const totalAvailableJobs = Math.max(0, statistics.totalAvailableJobs - taken);
  set.statistics = { ...statistics, totalAvailableJobs };
  if (taken === 0) return missed(shard, set, undefined);
  if (taken === ids.length) set.acquire.failures = 0;
  tryLater(shard, set, undefined);
}

function tryTake(shard: Shard, set: ServedSet, ids: RequestId[]) {
  const token = set.session?.queueToken ?? "";
  return shard.effect(set.row.scopeKey, set.row.key, (options) =>
    set.service.acquireJobs(set.row.scaleSetId, token, ids, options),
  );
}

function failed(shard: Shard, set: ServedSet, event: string, failure: Failure): void {
  set.log.warn(event, { ...failure });
  missed(shard, set, failure.retryAfterMs);
}

function missed(shard: Shard, set: ServedSet, retryAfterMs: number | undefined): void {
  set.acquire.failures++;
  tryLater(shard, set, retryAfterMs);
}

function tryLater(shard: Shard, set: ServedSet, retryAfterMs: number | undefined): void {
  const { clock, random } = shard.deps;
  const waitMs = retryAfterMs ?? backoffMs(random, retryBackoff, set.acquire.failures);
  set.acquire.retryAt = clock.nowMs() + waitMs;
}
