// Why: opening a session is where ARC's crash loops came from (ARC #3351, #3922, #4285: 409 for 60–90 s after a
// death). Each outcome of refresh and create has one stated action; other scale sets never notice.
import type { Failure, FailureReason } from "@runlet/actions-service/service";
import type { Backoff } from "@runlet/runtime/backoff";

export type SessionAction =
  /** The same call again after the back-off. */
  | "again"
  /** Forget the session that is known and create one. */
  | "create";

interface Row {
  action: SessionAction;
  backoff: Backoff;
  /** The call may have been carried out although it looks failed. */
  uncertain?: true;
}

const quick: Backoff = { baseMs: 250, capMs: 10_000 };
const slow: Backoff = { baseMs: 5_000, capMs: 60_000 };
// The service lets an abandoned session lapse after 60–92 s: steps of 3–10 s find that moment early.
const lapse: Backoff = { baseMs: 3_000, capMs: 10_000 };

export const refreshFailures: Record<FailureReason, Row> = {
  unauthorized: { action: "again", backoff: slow },
  "queue-token-expired": { action: "create", backoff: quick },
  "session-conflict": { action: "create", backoff: quick },
  "session-gone": { action: "create", backoff: quick },
  "scale-set-gone": { action: "create", backoff: slow },
  "scale-set-exists": { action: "again", backoff: slow },
  "runner-exists": { action: "again", backoff: slow },
  "route-absent": { action: "again", backoff: slow },
  "rate-limited": { action: "again", backoff: quick },
  "server-error": { action: "again", backoff: quick },
  "timed-out": { action: "again", backoff: quick },
  unreachable: { action: "again", backoff: quick },
  unreadable: { action: "again", backoff: quick },
  refused: { action: "create", backoff: slow },
};

export const createFailures: Record<FailureReason, Row> = {
  unauthorized: { action: "again", backoff: slow },
  "queue-token-expired": { action: "again", backoff: quick },
  "session-conflict": { action: "again", backoff: lapse },
  "session-gone": { action: "again", backoff: quick },
  "scale-set-gone": { action: "again", backoff: slow },
  "scale-set-exists": { action: "again", backoff: slow },
  "runner-exists": { action: "again", backoff: slow },
  "route-absent": { action: "again", backoff: slow },
  "rate-limited": { action: "again", backoff: quick },
  "server-error": { action: "again", backoff: quick, uncertain: true },
  "timed-out": { action: "again", backoff: quick, uncertain: true },
  unreachable: { action: "again", backoff: quick, uncertain: true },
  unreadable: { action: "again", backoff: quick, uncertain: true },
  refused: { action: "again", backoff: slow },
};

/** What to do after a failed refresh or create. */
export function decideSession(call: "refresh" | "create", failure: Failure): Row {
  return (call === "refresh" ? refreshFailures : createFailures)[failure.reason];
}
