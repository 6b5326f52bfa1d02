// Why: a session outlives the function. The next invocation goes on with the one that is checkpointed; only when
// there is none, or the service has forgotten it, a new one is created – and checkpointed before anything else,
// since a session that nobody knows of locks the scale set until the service lets it lapse.
import type { Failure } from "@runlet/actions-service/service";
import { backoffMs } from "@runlet/runtime/backoff";
import { remedies } from "../remedies.ts";
import { acknowledgeOld } from "./acknowledge.ts";
import { decideSession } from "./decide-session.ts";
import { adopt, refreshSession } from "./refresh-session.ts";
import type { ServedSet } from "./scale-set.ts";
import type { Shard } from "./shard.ts";

export type Opened =
  /** The session is open and its answer's statistics are taken. */
  | { kind: "open" }
  /** Not now: try again after so many ms. */
  | { kind: "later"; waitMs: number };

/**
 * One attempt to have a session. `attempt` counts the failed ones before. A planned hand-over goes on with the
 * checkpointed session as it is; after anything else it is refreshed, since its token and tally are of unknown age.
 */
export async function openSession(
  shard: Shard,
  set: ServedSet,
  how: "as-it-is" | "refresh",
  attempt: number,
): Promise<Opened> {
  const known = set.session;
  if (known && how === "as-it-is" && set.statistics) {
    // No poll waits for the DELETE of a message that is past the cursor: the first turn after it does that.
    resumed(shard, set);
    return { kind: "open" };
  }
  if (known && set.unacknowledged !== undefined) await acknowledgeOld(shard, set, known);
  if (known) {
    const failure = await refreshSession(shard, set);
    if (!failure) {
      resumed(shard, set);
      return { kind: "open" };
    }
    const decision = decideSession("refresh", failure);
    logFailure(set, "session_refresh_failed", failure);
    if (decision.action === "again") return later(shard, failure, decision.backoff, attempt);
    set.session = undefined;
  }
  return createSession(shard, set, attempt);
}

async function createSession(shard: Shard, set: ServedSet, attempt: number): Promise<Opened> {
  const { row } = set;
  const answer = await shard.effect(row.scopeKey, row.key, (options) =>
    set.service.createSession(row.scaleSetId, `runlet-${shard.run.shard}`, options),
  );
  // A new session begins at the oldest message that nobody has deleted; they may be handled twice.
  if (answer.ok) set.lastMessageId = 0;
  if (answer.ok) set.unacknowledged = undefined;
  const failure = await adopt(shard, set, answer);
  if (!failure) {
    shard.deps.metrics.count("sessions-created");
    set.log.info("session_created", { sessionId: set.session?.sessionId });
    return { kind: "open" };
  }
  const decision = decideSession("create", failure);
  countConflict(shard, set, failure, attempt);
  if (decision.uncertain) set.orphanPossible = true;
  logFailure(set, "session_create_failed", failure);
  return later(shard, failure, decision.backoff, attempt);
}

function resumed(shard: Shard, set: ServedSet): void {
  shard.deps.metrics.count("sessions-resumed");
  set.log.info("session_resumed", { sessionId: set.session?.sessionId, cursor: set.lastMessageId });
}

/** One conflict or orphan an episode: the first refusal says it. */
function countConflict(shard: Shard, set: ServedSet, failure: Failure, attempt: number): void {
  if (failure.reason !== "session-conflict") return;
  if (set.orphanPossible) {
    set.log.warn("session_orphaned", { why: "an earlier create was not checkpointed" });
    shard.deps.metrics.count("sessions-orphaned");
    set.orphanPossible = false;
  } else if (attempt === 0) {
    const remedy = remedies.sessionHeld;
    set.log.warn("session_held_by_another", { message: failure.message, remedy });
    shard.deps.metrics.count("session-conflicts");
  }
}

function later(
  shard: Shard,
  failure: Failure,
  backoff: { baseMs: number; capMs: number },
  attempt: number,
): Opened {
  const waitMs = failure.retryAfterMs ?? backoffMs(shard.deps.random, backoff, attempt);
  return { kind: "later", waitMs };
}

function logFailure(set: ServedSet, event: string, failure: Failure): void {
  set.log.warn(event, { ...failure });
}
