// Why: everything but the queue is called with one admin token of about an hour. It is got once for all
// callers, renewed before it ends and after a refusal, shared between invocations, and never in a
// loop (invariant I26).
import type { Clock } from "@runlet/runtime/clock";
import type { ServerTime } from "./server-time.ts";
import type { AdminConnection, Outcome } from "./service.ts";
import type { SharedConnection } from "./shared-connection.ts";

export interface AdminConnectionDeps {
  clock: Clock;
  serverTime: ServerTime;
  shared: SharedConnection;
  /** Gets a new one: registrar.ts. Bounded in time; no caller's abort ends it. */
  register: () => Promise<Outcome<AdminConnection>>;
}

export interface AdminConnections {
  /** A connection that should do; renewed first if it is about to end. */
  get(): Promise<Outcome<AdminConnection>>;
  /** `rejected` was refused with `status`: another one, or undefined when asking now would be no use. */
  renew(rejected: AdminConnection, status: number): Promise<Outcome<AdminConnection> | undefined>;
}

interface Current {
  connection: AdminConnection;
  /** Monotonic ms; long ago when it came from the store. */
  registeredAt: number;
  /** How long before its end it is renewed. */
  marginMs: number;
}

/** The spare time of a long-lived token; a short-lived one has a quarter of its life. */
const marginMs = 60_000;
/** A newer token than this is not replaced: the next one would fare no better … */
const leastAgeMs = 1_000;
/** … and after 403, which mostly speaks of a permission, not before it is this old. */
const leastAgeForbiddenMs = 60_000;
/** However tokens fare, refusals renew no more often than this. */
const forced = { count: 3, withinMs: 90_000 };

export function createAdminConnections(deps: AdminConnectionDeps): AdminConnections {
  let current: Current | undefined;
  let renewal: Promise<Outcome<AdminConnection>> | undefined;
  let forcedAt: number[] = [];
  const ok = (connection: AdminConnection) => ({ ok: true as const, value: connection });

  const isDue = ({ connection, registeredAt, marginMs: margin }: Current) =>
    connection.expiresAt - margin <= deps.serverTime.nowMs() &&
    deps.clock.nowMs() - registeredAt >= leastAgeMs;

  async function renewOnce(rejected?: AdminConnection): Promise<Outcome<AdminConnection>> {
    const known = (rejected ?? current?.connection)?.adminToken;
    const stored = await deps.shared.load();
    const other = stored && stored.adminToken !== known ? fromStore(stored) : undefined;
    if (other && !isDue(other)) {
      current = other;
      return ok(other.connection);
    }
    const outcome = await deps.register();
    if (!outcome.ok) return outcome;
    current = fromRegistration(deps, outcome.value);
    await deps.shared.save(outcome.value);
    return outcome;
  }

  /** Joins the renewal under way, or starts one. */
  function renewShared(rejected?: AdminConnection): Promise<Outcome<AdminConnection>> {
    renewal ??= renewOnce(rejected).finally(() => {
      renewal = undefined;
    });
    return renewal;
  }

  return {
    async get() {
      if (current && !isDue(current)) return ok(current.connection);
      const outcome = await renewShared();
      // The old one is good for its last minute: GitHub's REST API may be down while the service is not.
      const isGood = current && current.connection.expiresAt > deps.serverTime.nowMs();
      return !outcome.ok && current && isGood ? ok(current.connection) : outcome;
    },
    async renew(rejected, status) {
      if (renewal) return renewal;
      if (current && current.connection.adminToken !== rejected.adminToken) {
        return ok(current.connection);
      }
      const now = deps.clock.nowMs();
      const ageMs = now - (current?.registeredAt ?? Number.NEGATIVE_INFINITY);
      if (ageMs < (status === 403 ? leastAgeForbiddenMs : leastAgeMs)) return undefined;
      forcedAt = forcedAt.filter((at) => now - at < forced.withinMs);
      if (forcedAt.length >= forced.count) return undefined;
      forcedAt.push(now);
      return renewShared(rejected);
    },
  };
}

function fromStore(connection: AdminConnection): Current {
  return { connection, registeredAt: Number.NEGATIVE_INFINITY, marginMs };
}

function fromRegistration(deps: AdminConnectionDeps, connection: AdminConnection): Current {
  const lifeMs = connection.expiresAt - deps.serverTime.nowMs();
  return {
    connection,
    registeredAt: deps.clock.nowMs(),
    marginMs: Math.min(marginMs, lifeMs / 4),
  };
}
