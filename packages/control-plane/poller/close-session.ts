// Why: a session that is closed frees the scale set at once; one that is left behind locks it until it lapses. It is
// closed for a rest, when every target is being deleted and no job is left, and when the set is no longer ours.
import { backoffMs } from "@runlet/runtime/backoff";
import { describeError } from "@runlet/runtime/log";
import { lookAtTargets } from "./look-at-targets.ts";
import { isOver } from "./quiet.ts";
import { save } from "./save.ts";
import type { ServedSet } from "./scale-set.ts";
import type { Shard } from "./shard.ts";

/** Closes the session and checkpoints that. False: the service refused or did not answer. */
export async function closeSession(shard: Shard, set: ServedSet): Promise<boolean> {
  if (!set.session) return true;
  if (!(await deleteSession(shard, set))) return false;
  await save(shard, set);
  return true;
}

/**
 * After a set's loop: one that is in no shard any more (given back to ARC, its cluster removed) has left its session
 * open, which would refuse whoever serves it next. Its checkpoint is forgotten, so none is written. Never throws.
 */
export async function leaveSession(shard: Shard, set: ServedSet): Promise<void> {
  if (shard.hasEnded() || !set.session) return;
  try {
    const isSomewhere = (await shard.deps.registry.findScaleSet(set.row.key)) !== undefined;
    if (!isSomewhere) await deleteSession(shard, set);
  } catch (error) {
    set.log.warn("session_left_open", { error: describeError(error) });
  }
}

async function deleteSession(shard: Shard, set: ServedSet): Promise<boolean> {
  const { session, row } = set;
  if (!session) return true;
  const answer = await shard.effect(row.scopeKey, row.key, (options) =>
    set.service.deleteSession(row.scaleSetId, session.sessionId, options),
  );
  if (!answer.ok) {
    set.log.warn("session_close_failed", { ...answer.failure });
    return false;
  }
  set.session = undefined;
  set.log.info("session_closed", { sessionId: session.sessionId });
  return true;
}

const againBackoff = { baseMs: 1_000, capMs: 30_000 };

/** Closes the session when the scale set is over, and says so in `closed`; opens it again when it is not. */
export async function closeIfOver(shard: Shard, set: ServedSet): Promise<void> {
  const { clock, random } = shard.deps;
  const { views } = lookAtTargets(shard, set);
  if (!isOver(set, views)) {
    set.closed = false;
    set.closeAgainAt = undefined;
    return;
  }
  if (set.closeAgainAt !== undefined && clock.nowMs() < set.closeAgainAt) return;
  set.closed = await closeSession(shard, set);
  if (set.closed) set.closeFailures = 0;
  const waitMs = backoffMs(random, againBackoff, set.closeFailures++);
  set.closeAgainAt = set.closed ? undefined : clock.nowMs() + waitMs;
}
