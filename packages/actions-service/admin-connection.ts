// Why: everything but the queue is called with one admin token of about an hour. It is got once for all
// callers, renewed before it ends and after a refusal, shared between invocations, and never in a
// loop: a credential that is refused is asked about slowly (invariant I26, faults F20 and F21).
import { backoffMs } from "@runlet/runtime/backoff";
import type { Clock } from "@runlet/runtime/clock";
import { DeadlineExceeded, withDeadline } from "@runlet/runtime/deadline";
import type { Log } from "@runlet/runtime/log";
import type { Random } from "@runlet/runtime/random";
import { createFailure } from "./errors.ts";
import type { ServerTime } from "./server-time.ts";
import type { AdminConnection, AdminConnectionStore, Failure, Outcome } from "./service.ts";

export interface AdminConnectionDeps {
  clock: Clock;
  random: Random;
  log: Log;
  serverTime: ServerTime;
  store: AdminConnectionStore | undefined;
  scopeKey: string;
  /** Gets a connection from GitHub: registration.ts. */
  register: (signal: AbortSignal) => Promise<Outcome<AdminConnection>>;
  /** Time limit of one renewal, store included. */
  limitMs: number;
}

export interface AdminConnections {
  /** A connection that should do; renewed first if it is about to end. */
  get(): Promise<Outcome<AdminConnection>>;
  /** `rejected` was refused with `status`: another one, or undefined when asking now would be no use. */
  renew(rejected: AdminConnection, status: number): Promise<Outcome<AdminConnection> | undefined>;
  /** The service took the token. */
  accepted(connection: AdminConnection): void;
}

interface Current {
  connection: AdminConnection;
  /** Monotonic; undefined when it came from the store. */
  registeredAt: number | undefined;
  /** How long before its end it is renewed. */
  marginMs: number;
  /** The service has taken it at least once. */
  proven: boolean;
}

const marginMs = 60_000;
const blockBackoff = { baseMs: 1_000, capMs: 30_000 };
/** The least age at which a refused token is replaced: proven once, new and never taken, refused by 403. */
const leastAgeMs = { proven: 1_000, unproven: 30_000, forbidden: 60_000 };

export function createAdminConnections(deps: AdminConnectionDeps): AdminConnections {
  let current: Current | undefined;
  let renewal: Promise<Outcome<AdminConnection>> | undefined;
  let blocked: { untilMs: number; failure: Failure } | undefined;
  let failuresCount = 0;

  const isDue = ({ connection, registeredAt, marginMs: margin }: Current) =>
    connection.expiresAt - margin <= deps.serverTime.nowMs() &&
    (registeredAt === undefined || deps.clock.nowMs() - registeredAt >= leastAgeMs.proven);

  const isOver = (connection: AdminConnection) => connection.expiresAt <= deps.serverTime.nowMs();

  /** Joins the renewal under way, or starts one. It has its own limit: no caller's abort ends it. */
  function renewShared(rejected?: AdminConnection): Promise<Outcome<AdminConnection>> {
    renewal ??= renewOnce(rejected).finally(() => {
      renewal = undefined;
    });
    return renewal;
  }

  async function renewOnce(rejected?: AdminConnection): Promise<Outcome<AdminConnection>> {
    const stored = await loadStored(deps);
    const known = rejected ?? current?.connection;
    if (stored && stored.adminToken !== known?.adminToken) {
      const next = { connection: stored, registeredAt: undefined, marginMs, proven: false };
      if (!isDue(next)) return keep(next);
    }
    const waitMs = (blocked?.untilMs ?? 0) - deps.clock.nowMs();
    if (blocked && waitMs > 0) {
      return { ok: false, failure: { ...blocked.failure, retryAfterMs: Math.ceil(waitMs) } };
    }
    const outcome = await registerWithin(deps);
    if (!outcome.ok) return block(outcome.failure);
    blocked = undefined;
    failuresCount = 0;
    const kept = keep({
      connection: outcome.value,
      registeredAt: deps.clock.nowMs(),
      marginMs: Math.min(marginMs, (outcome.value.expiresAt - deps.serverTime.nowMs()) / 4),
      proven: false,
    });
    deps.log.info("admin_connection_renewed", { scope: deps.scopeKey });
    await saveStored(deps, outcome.value);
    return kept;
  }

  function keep(next: Current): { ok: true; value: AdminConnection } {
    current = next;
    return { ok: true, value: next.connection };
  }

  function block(failure: Failure): { ok: false; failure: Failure } {
    const step = backoffMs(deps.random, blockBackoff, failuresCount++);
    const waitMs = Math.max(step, failure.retryAfterMs ?? 0);
    blocked = { untilMs: deps.clock.nowMs() + waitMs, failure };
    const facts = {
      scope: deps.scopeKey,
      reason: failure.reason,
      message: failure.message,
      waitMs,
    };
    deps.log.warn("admin_connection_failed", facts);
    return { ok: false, failure };
  }

  return {
    async get() {
      if (current && !isDue(current)) return { ok: true, value: current.connection };
      const outcome = await renewShared();
      // The old one is good for its last minute: GitHub's REST API may be down while the service is not.
      if (!outcome.ok && current && !isOver(current.connection)) {
        return { ok: true, value: current.connection };
      }
      return outcome;
    },
    async renew(rejected, status) {
      if (current && current.connection.adminToken !== rejected.adminToken) {
        return { ok: true, value: current.connection };
      }
      const registeredAt = current?.registeredAt ?? Number.NEGATIVE_INFINITY;
      const kind = status === 403 ? "forbidden" : current?.proven ? "proven" : "unproven";
      if (deps.clock.nowMs() - registeredAt < leastAgeMs[kind]) return undefined;
      return renewShared(rejected);
    },
    accepted(connection) {
      if (current?.connection.adminToken === connection.adminToken) current.proven = true;
    },
  };
}

async function registerWithin(deps: AdminConnectionDeps): Promise<Outcome<AdminConnection>> {
  try {
    return await withDeadline(deps.clock, deps.limitMs, undefined, deps.register);
  } catch (error) {
    if (!(error instanceof DeadlineExceeded)) throw error;
    const attempted = `get an admin connection for ${deps.scopeKey}`;
    const came = error.message;
    return { ok: false, failure: createFailure({ reason: "timed-out", attempted, came }) };
  }
}

/** The store only saves calls: without it, or when it is slow, each invocation registers for itself. */
const storeLimitMs = ({ limitMs }: AdminConnectionDeps) => Math.min(2_000, limitMs / 4);

async function loadStored(deps: AdminConnectionDeps): Promise<AdminConnection | undefined> {
  const { store } = deps;
  if (!store) return undefined;
  try {
    return await withDeadline(deps.clock, storeLimitMs(deps), undefined, () =>
      store.load(deps.scopeKey),
    );
  } catch (error) {
    deps.log.warn("admin_connection_not_loaded", { scope: deps.scopeKey, error });
    return undefined;
  }
}

async function saveStored(deps: AdminConnectionDeps, connection: AdminConnection): Promise<void> {
  const { store } = deps;
  if (!store) return;
  try {
    await withDeadline(deps.clock, storeLimitMs(deps), undefined, () =>
      store.save(deps.scopeKey, connection),
    );
  } catch (error) {
    deps.log.warn("admin_connection_not_saved", { scope: deps.scopeKey, error });
  }
}
