// Why: a fleet at night costs nothing if nobody polls. A shard rests when every scale set has been quiet long enough,
// and it must not fall asleep on a job: the tally is read once more, and the wake flag after the release.
import { backoffMs } from "@runlet/runtime/backoff";
import { closeSession } from "./close-session.ts";
import { hasNoJobs } from "./quiet.ts";
import { refreshSession } from "./refresh-session.ts";
import { statisticsOf, type ServedSet } from "./scale-set.ts";
import type { ServedRows } from "./serve-rows.ts";
import type { Shard } from "./shard.ts";

/** Whether every scale set of the shard has been quiet for as long as the setting, or the look, asks. */
export function isRestDue(shard: Shard, rows: ServedRows, startedAt: number): boolean {
  const { clock, settings } = shard.deps;
  const now = clock.nowMs();
  // Nobody is served: whoever gives the shard a scale set wakes it.
  if (rows.count() === 0) return now - startedAt >= settings.leaseMs;
  const { restAfterMs, lookPollMs } = settings;
  if (restAfterMs === undefined || !rows.idle()) return false;
  const isLook = shard.run.reason === "look";
  return rows.sets().every(({ quietSince }) => {
    if (quietSince === undefined) return false;
    // A look that found nothing ends after its poll time; one that found something stays like any other.
    const waitMs = isLook && quietSince - startedAt < lookPollMs ? lookPollMs : restAfterMs;
    return now - Math.max(quietSince, startedAt) >= waitMs;
  });
}

/** Closes the sessions and releases the lease as resting. False: something turned up, and all go on. */
export async function tryRest(shard: Shard, rows: ServedRows): Promise<boolean> {
  await shard.turns.close();
  const sets = rows.sets();
  let slept = false;
  try {
    const quiet = await Promise.all(sets.map((set) => isStillQuiet(shard, set)));
    if (quiet.includes(false)) return false;
    await Promise.all(sets.map((set) => closeWithRetries(shard, set)));
    // A message that a poll brought since the tally was read comes again to a new session.
    if (sets.some(({ quietSince }) => quietSince === undefined)) return false;
    slept = true;
  } finally {
    if (!slept) goOn(shard, sets);
  }
  await fallAsleep(shard, sets.length);
  return true;
}

async function fallAsleep(shard: Shard, scaleSetsCount: number): Promise<void> {
  const { clock, settings, wakes, metrics, invoker } = shard.deps;
  shard.endEffects();
  const lookDueAt = clock.wallMs() + settings.lookEveryMs;
  const released = await shard.lease.release({ state: "resting", lookDueAt });
  metrics.count("rests");
  shard.log.info("shard_rests", { lookDueAt, scaleSetsCount, released });
  // Whoever set the flag before the release saw a holder and left it at that.
  const flag = await wakes.findFlag(shard.run.shard);
  if (flag !== undefined) await invoker.invoke({ shard: shard.run.shard, reason: "flag" });
}

function goOn(shard: Shard, sets: readonly ServedSet[]): void {
  shard.turns.open();
  for (const set of sets) set.nudge.nudge();
}

/** A job that came since the last message shows in the statistics of a session answer. */
async function isStillQuiet(shard: Shard, set: ServedSet): Promise<boolean> {
  if (set.closed) return true;
  const failure = await refreshSession(shard, set);
  if (failure) set.log.warn("session_refresh_failed", { ...failure });
  return failure === undefined && hasNoJobs(statisticsOf(set));
}

/** What cannot be closed now lapses by itself; it is checkpointed, so the next look goes on with it. */
async function closeWithRetries(shard: Shard, set: ServedSet): Promise<void> {
  const { clock, random } = shard.deps;
  for (let attempt = 0; attempt < 3; attempt++) {
    if (await closeSession(shard, set)) return;
    await clock.sleep(backoffMs(random, { baseMs: 200, capMs: 1_000 }, attempt), shard.signal);
  }
}
