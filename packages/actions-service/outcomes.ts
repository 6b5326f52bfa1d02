// Why: what each call makes of each thing that can come back is decided here, as data, and nowhere else.
// The types ask for a row for every call and every arrival: one without a row does not compile.
//
// Where the rows come from: actions/scaleset client.go, session_client.go and errors.go (status codes
// and exception names), cloudbase/garm util/github/scalesets (a deleted session, a duplicate name), ARC
// issues #3351, #4285, #4470 (conflict, empty body), GitHub's REST documentation on rate limits.
import type { FailureReason } from "./service.ts";

/** Everything that can come back; `classify` (arrival.ts) names it. */
export type Arrival =
  /** The call's own success status, and a body that could be read. */
  | "expected"
  /** The success status, but no body (or `null`) where one is due. */
  | "empty"
  /** The success status, but a body that cannot be used. */
  | "unreadable"
  | "accepted-202"
  | "no-content-204"
  | "other-2xx"
  | "redirect"
  | "bad-request-400"
  | "unauthorized-401"
  | "forbidden-403"
  | "not-found-404"
  | "conflict-409"
  /** 429, or a 403 that says it is a rate limit. */
  | "limited"
  | "other-4xx"
  | "unavailable-503"
  | "not-implemented-501"
  | "other-5xx"
  /** Exceptions the service names in `typeName`, at whatever status. */
  | "session-conflict"
  | "session-expired"
  | "session-unknown"
  | "scale-set-unknown"
  | "scale-set-exists"
  | "runner-exists"
  | "runner-unknown"
  | "job-running"
  /** No connection was made: the server has seen nothing. */
  | "not-connected"
  /** The connection ended before the answer did: the server may have acted. */
  | "connection-broken"
  /** The server's certificate is not trusted. */
  | "untrusted"
  | "timed-out";

export type Row =
  /** The call succeeded: with the decoded body, or with what that word means to the call. */
  | { gives: "body" | "done" | "nothing" | "absent" | "busy" }
  /** It failed. `next`: try again within limit and budget; or get a new admin connection first, once. */
  | { fails: FailureReason; next?: "retry" | "reconnect" };

type Rows = Record<Arrival, Row>;

/** The rows of a call that may be repeated blindly. */
const repeatable = {
  expected: { gives: "body" },
  empty: { fails: "unreadable" },
  unreadable: { fails: "unreadable" },
  "accepted-202": { fails: "refused" },
  "no-content-204": { fails: "refused" },
  "other-2xx": { fails: "refused" },
  redirect: { fails: "refused" },
  "bad-request-400": { fails: "refused" },
  "unauthorized-401": { fails: "unauthorized", next: "reconnect" },
  "forbidden-403": { fails: "unauthorized", next: "reconnect" },
  "not-found-404": { fails: "refused" },
  "conflict-409": { fails: "refused" },
  limited: { fails: "rate-limited", next: "retry" },
  "other-4xx": { fails: "refused" },
  "unavailable-503": { fails: "server-error", next: "retry" },
  "not-implemented-501": { fails: "server-error" },
  "other-5xx": { fails: "server-error", next: "retry" },
  "session-conflict": { fails: "session-conflict" },
  "session-expired": { fails: "session-gone" },
  "session-unknown": { fails: "session-gone" },
  "scale-set-unknown": { fails: "scale-set-gone" },
  "scale-set-exists": { fails: "scale-set-exists" },
  "runner-exists": { fails: "runner-exists" },
  "runner-unknown": { fails: "refused" },
  "job-running": { fails: "refused" },
  "not-connected": { fails: "unreachable", next: "retry" },
  "connection-broken": { fails: "unreachable", next: "retry" },
  untrusted: { fails: "unreachable" },
  "timed-out": { fails: "timed-out" },
} as const satisfies Rows;

/** A call that must not run twice: repeated only where the server says, or shows, that it did nothing. */
const once = {
  ...repeatable,
  "other-5xx": { fails: "server-error" },
  "connection-broken": { fails: "unreachable" },
} as const satisfies Rows;

/** A call with the queue token: its 401 is the session's business, not the admin connection's. */
const queue = {
  ...repeatable,
  "unauthorized-401": { fails: "queue-token-expired" },
  "forbidden-403": { fails: "session-gone" },
} as const satisfies Rows;

/** A call with the owner's credential: nothing to reconnect, and 404 is how GitHub says "not yours". */
const credential = {
  ...repeatable,
  "unauthorized-401": { fails: "unauthorized" },
  "forbidden-403": { fails: "unauthorized" },
  "not-found-404": { fails: "unauthorized" },
} as const satisfies Rows;

export const outcomes = {
  installationToken: credential,
  registrationToken: credential,
  /** A registration token that was made a moment ago may not be known everywhere yet: try again. */
  runnerRegistration: {
    ...credential,
    "unauthorized-401": { fails: "unauthorized", next: "retry" },
    "forbidden-403": { fails: "unauthorized", next: "retry" },
  },

  findRunnerGroup: repeatable,
  listScaleSets: repeatable,
  findScaleSet: repeatable,
  findScaleSetById: {
    ...repeatable,
    empty: { gives: "nothing" },
    "not-found-404": { gives: "nothing" },
    "scale-set-unknown": { gives: "nothing" },
  },
  createScaleSet: { ...once, "conflict-409": { fails: "scale-set-exists" } },
  updateScaleSet: {
    ...repeatable,
    "not-found-404": { fails: "scale-set-gone" },
    "conflict-409": { fails: "scale-set-exists" },
  },
  deleteScaleSet: {
    ...repeatable,
    expected: { gives: "done" },
    "not-found-404": { gives: "absent" },
    "scale-set-unknown": { gives: "absent" },
  },

  createSession: {
    ...once,
    "not-found-404": { fails: "scale-set-gone" },
    "conflict-409": { fails: "session-conflict" },
  },
  refreshSession: {
    ...repeatable,
    "not-found-404": { fails: "session-gone" },
    "conflict-409": { fails: "session-conflict" },
  },
  deleteSession: {
    ...repeatable,
    expected: { gives: "done" },
    "not-found-404": { gives: "absent" },
    "session-expired": { gives: "absent" },
    "session-unknown": { gives: "absent" },
    "scale-set-unknown": { gives: "absent" },
  },

  /** Never repeated here: the next turn polls again, and a turn can be aborted for a hand-over. */
  poll: {
    ...queue,
    empty: { gives: "nothing" },
    "accepted-202": { gives: "nothing" },
    "no-content-204": { gives: "nothing" },
    "not-found-404": { fails: "session-gone" },
    "conflict-409": { fails: "session-gone" },
    limited: { fails: "rate-limited" },
    "unavailable-503": { fails: "server-error" },
    "other-5xx": { fails: "server-error" },
    "not-connected": { fails: "unreachable" },
    "connection-broken": { fails: "unreachable" },
  },
  acknowledge: { ...queue, expected: { gives: "done" }, "not-found-404": { gives: "absent" } },
  /** On an auto-assign host the route does not exist: a plain 404. */
  acquireJobs: {
    ...once,
    "unauthorized-401": { fails: "queue-token-expired" },
    "forbidden-403": { fails: "session-gone" },
    "not-found-404": { fails: "route-absent" },
  },
  listAcquirableJobs: {
    ...repeatable,
    "no-content-204": { gives: "nothing" },
    "not-found-404": { fails: "route-absent" },
  },

  generateJitConfig: {
    ...once,
    "not-found-404": { fails: "scale-set-gone" },
    "conflict-409": { fails: "runner-exists" },
  },
  findRunnerByName: repeatable,
  findRunner: {
    ...repeatable,
    empty: { gives: "nothing" },
    "not-found-404": { gives: "nothing" },
    "runner-unknown": { gives: "nothing" },
  },
  removeRunner: {
    ...repeatable,
    expected: { gives: "done" },
    "not-found-404": { gives: "absent" },
    "runner-unknown": { gives: "absent" },
    "job-running": { gives: "busy" },
  },
} as const satisfies Record<string, Rows>;

export type Call = keyof typeof outcomes;

/** The words a call may give instead of a body: whoever makes the call must say what each means. */
export type Gives<C extends Call> = Exclude<
  Extract<(typeof outcomes)[C][Arrival], { gives: string }>["gives"],
  "body"
>;

/** The row of what came; the table as a plain record, for the one place that reads it. */
export function findRow(call: Call, arrival: Arrival): Row {
  return outcomes[call][arrival];
}
