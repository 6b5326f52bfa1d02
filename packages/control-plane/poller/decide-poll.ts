// Why: every call has a closed table of outcomes, and none of them ends a shard: ARC's listener died of one
// 500, one empty 200, one expired token (ARC #4285, #4356, #4470). A reason without a row does not compile.
import type { FailureReason, Message, Outcome } from "@runlet/actions-service/service";
import type { Backoff } from "@runlet/runtime/backoff";

/** What a poll's outcome asks of the loop. */
export type PollAction =
  /** Poll again, after the back-off if there is one. */
  | "again"
  /** Refresh the session, then poll; only a refresh that says so means that the session is lost. */
  | "refresh";

export interface FailureRow {
  action: PollAction;
  backoff: Backoff;
}

const soon: Backoff = { baseMs: 100, capMs: 5_000 };
const later: Backoff = { baseMs: 1_000, capMs: 30_000 };
const muchLater: Backoff = { baseMs: 5_000, capMs: 60_000 };

/** By reason; `unreadable` is a 200 that cannot be used: nothing is acknowledged, the message comes again. */
export const pollFailures: Record<FailureReason, FailureRow> = {
  unauthorized: { action: "refresh", backoff: later },
  "queue-token-expired": { action: "refresh", backoff: soon },
  "session-conflict": { action: "refresh", backoff: later },
  "session-gone": { action: "refresh", backoff: soon },
  "scale-set-gone": { action: "refresh", backoff: muchLater },
  "scale-set-exists": { action: "again", backoff: later },
  "runner-exists": { action: "again", backoff: later },
  "route-absent": { action: "refresh", backoff: later },
  "rate-limited": { action: "again", backoff: later },
  "server-error": { action: "again", backoff: soon },
  "timed-out": { action: "again", backoff: soon },
  unreachable: { action: "again", backoff: soon },
  unreadable: { action: "again", backoff: soon },
  refused: { action: "refresh", backoff: later },
};

export type PollDecision =
  | { kind: "message"; message: Message }
  | { kind: "empty" }
  | ({ kind: "failed"; reason: FailureReason; retryAfterMs: number | undefined } & FailureRow);

/** What to do with the outcome of one poll. */
export function decidePoll(outcome: Outcome<Message | undefined>): PollDecision {
  if (outcome.ok) {
    return outcome.value ? { kind: "message", message: outcome.value } : { kind: "empty" };
  }
  const { reason, retryAfterMs } = outcome.failure;
  return { kind: "failed", reason, retryAfterMs, ...pollFailures[reason] };
}
