// Why: DELETE is the only thing that removes a message, so it comes last. If it fails nothing is lost: the cursor
// keeps this session from seeing the message again, and a later session would act on it twice, harmlessly.
import type { FailureReason } from "@runlet/actions-service/service";
import { refreshSession } from "./refresh-session.ts";
import type { ServedSet, Session } from "./scale-set.ts";
import type { Shard } from "./shard.ts";

type AcknowledgeAction = "refresh-and-repeat" | "leave";

/** What a failed DELETE asks for: a new token, or nothing (after the next poll it is tried again). */
export const acknowledgeFailures: Record<FailureReason, AcknowledgeAction> = {
  unauthorized: "leave",
  "queue-token-expired": "refresh-and-repeat",
  "session-conflict": "leave",
  "session-gone": "leave",
  "scale-set-gone": "leave",
  "scale-set-exists": "leave",
  "runner-exists": "leave",
  "route-absent": "leave",
  "rate-limited": "leave",
  "server-error": "leave",
  "timed-out": "leave",
  unreachable: "leave",
  unreadable: "leave",
  refused: "leave",
};

/** Deletes the message that is checkpointed as acted on. */
export async function acknowledge(shard: Shard, set: ServedSet): Promise<void> {
  const messageId = set.unacknowledged;
  if (messageId === undefined || !set.session) return;
  let failure = await tryAcknowledge(shard, set, set.session, messageId);
  if (failure && acknowledgeFailures[failure] === "refresh-and-repeat") {
    const refused = await refreshSession(shard, set);
    if (!refused) failure = await tryAcknowledge(shard, set, set.session, messageId);
  }
  if (failure) set.log.warn("acknowledge_failed", { messageId, reason: failure });
  // The checkpoint still names it until it is next put: then the DELETE is answered 404, which is as good.
  else set.unacknowledged = undefined;
}

/** A predecessor's message; a token too old is no reason to refresh here, since that comes next anyway. */
export async function acknowledgeOld(
  shard: Shard,
  set: ServedSet,
  session: Session,
): Promise<void> {
  const messageId = set.unacknowledged;
  if (messageId === undefined) return;
  const failure = await tryAcknowledge(shard, set, session, messageId);
  if (!failure) set.unacknowledged = undefined;
}

async function tryAcknowledge(
  shard: Shard,
  set: ServedSet,
  session: Session,
  messageId: number,
): Promise<FailureReason | undefined> {
  const answer = await shard.effect(set.row.scopeKey, set.row.key, (options) =>
    set.service.acknowledge(session, messageId, options),
  );
  return answer.ok ? undefined : answer.failure.reason;
}
