// Why: every session answer brings three things: a token that replaces the old one, perhaps a new id and address,
// and the tally as it is now. All of them are kept at once, whoever asked.
import type { Failure, MessageSession, Outcome } from "@runlet/actions-service/service";
import { keepSession } from "./keep-session.ts";
import { takeStatistics, type ServedSet } from "./scale-set.ts";
import type { Shard } from "./shard.ts";

/** Asks for a new token and the tally; checkpoints both at once. Undefined: done. */
export async function refreshSession(shard: Shard, set: ServedSet): Promise<Failure | undefined> {
  const { session, row } = set;
  if (!session) return { reason: "session-gone", message: "there is no session to refresh" };
  const answer = await shard.effect(row.scopeKey, row.key, (options) =>
    set.service.refreshSession(row.scaleSetId, session.sessionId, options),
  );
  return adopt(shard, set, answer);
}

/** The answer replaces id, address and token alike; its statistics count as much as a message's. */
export async function adopt(
  shard: Shard,
  set: ServedSet,
  answer: Outcome<MessageSession>,
): Promise<Failure | undefined> {
  if (!answer.ok) return answer.failure;
  const { sessionId, queueUrl, queueToken, statistics } = answer.value;
  const known = set.session?.sessionId;
  takeStatistics(set, statistics);
  await keepSession(shard, set, { sessionId, queueUrl, queueToken }, known);
  return undefined;
}
