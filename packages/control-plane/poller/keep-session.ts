// Why: a session that the service knows and no checkpoint names locks the scale set until it lapses (409 for 60–92 s).
// So a table that is away for seconds is waited for; what cannot be checkpointed while the lease lives is given back.
import { backoffMs } from "@runlet/runtime/backoff";
import { withDeadline } from "@runlet/runtime/deadline";
import { describeError } from "@runlet/runtime/log";
import { save, ScaleSetForgotten } from "./save.ts";
import type { ServedSet, Session } from "./scale-set.ts";
import type { Shard } from "./shard.ts";

const againBackoff = { baseMs: 50, capMs: 1_000 };
const attempts = 20;

/**
 * Checkpoints the session that the service has just answered with. `known`: the id that a checkpoint names already.
 * Throws the last error when that cannot be done; a session that nobody else knows is closed by then.
 */
export async function keepSession(
  shard: Shard,
  set: ServedSet,
  session: Session,
  known: string | undefined,
): Promise<void> {
  const isNew = session.sessionId !== known;
  if (isNew) set.orphanPossible = true;
  set.session = session;
  try {
    await saveWhileHeld(shard, set);
  } catch (error) {
    if (isNew) await giveBack(shard, set, session);
    throw error;
  }
  if (isNew) set.orphanPossible = false;
}

/** The last two fifths of the lease are kept for giving the session back: effects start in one of them only. */
async function saveWhileHeld(shard: Shard, set: ServedSet): Promise<void> {
  const { clock, random, settings } = shard.deps;
  for (let attempt = 0; ; attempt++) {
    const leftMs = () => shard.lease.deadlineMs() - 0.4 * settings.leaseMs - clock.nowMs();
    try {
      return await withDeadline(clock, Math.max(1, leftMs()), shard.signal, () => save(shard, set));
    } catch (error) {
      if (error instanceof ScaleSetForgotten || shard.hasEnded()) throw error;
      if (attempt >= attempts || leftMs() <= 0) throw error;
      set.log.warn("session_not_saved", { attempt, error: describeError(error) });
    }
    await clock.sleep(backoffMs(random, againBackoff, attempt), shard.signal);
  }
}

/** Best effort: if this fails too, the service lets the session lapse, and the conflict is told as an orphan's. */
async function giveBack(shard: Shard, set: ServedSet, { sessionId }: Session): Promise<void> {
  try {
    const closed = await shard.effect(set.row.key, (options) =>
      set.service.deleteSession(set.row.scaleSetId, sessionId, options),
    );
    if (closed.ok) set.orphanPossible = false;
    set.log.warn("session_given_back", { sessionId, closed: closed.ok });
  } catch (error) {
    set.log.warn("session_not_given_back", { sessionId, error: describeError(error) });
  }
}
