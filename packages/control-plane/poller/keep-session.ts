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
  if (isNew) set.sessionSince = shard.deps.clock.wallMs();
  try {
    await saveWhileHeld(shard, set);
  } catch (error) {
    if (isNew) await giveBack(shard, set, session);
    throw error;
  }
  if (isNew) set.orphanPossible = false;
}

/**
 * Begins no attempt in the last two fifths of the lease: one of them may still be used to give the session back. An
 * attempt always has a fifth, since a heartbeat may just be late.
 */
async function saveWhileHeld(shard: Shard, set: ServedSet): Promise<void> {
  const { clock, random, settings } = shard.deps;
  const fifthMs = settings.leaseMs / 5;
  const leftMs = () => shard.lease.deadlineMs() - 2 * fifthMs - clock.nowMs();
  for (let attempt = 0; ; attempt++) {
    try {
      const limitMs = Math.max(fifthMs, leftMs());
      return await withDeadline(clock, limitMs, shard.signal, () => save(shard, set));
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
    const closed = await shard.effect(set.row.scopeKey, set.row.key, (options) =>
      set.service.deleteSession(set.row.scaleSetId, sessionId, options),
    );
    if (closed.ok) set.orphanPossible = false;
    set.log.warn("session_given_back", { sessionId, closed: closed.ok });
  } catch (error) {
    set.log.warn("session_not_given_back", { sessionId, error: describeError(error) });
  }
}
