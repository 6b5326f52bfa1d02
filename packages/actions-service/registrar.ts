// Why: a registration that failed is not tried again by every caller: a credential that is refused is
// asked about slowly (fault F20), a rate limit is waited out (fault F21).
import { backoffMs } from "@runlet/runtime/backoff";
import type { Clock } from "@runlet/runtime/clock";
import { DeadlineExceeded, withDeadline } from "@runlet/runtime/deadline";
import type { Log } from "@runlet/runtime/log";
import type { Random } from "@runlet/runtime/random";
import { createFailure } from "./errors.ts";
import type { AdminConnection, Failure, Outcome } from "./service.ts";

export interface RegistrarDeps {
  clock: Clock;
  random: Random;
  log: Log;
  scopeKey: string;
  /** Gets a connection from GitHub: registration.ts. */
  register: (signal: AbortSignal) => Promise<Outcome<AdminConnection>>;
  limitMs: number;
}

const backoff = { baseMs: 1_000, capMs: 30_000 };

/** Registers, or says again what went wrong last time while it is too early to ask. */
export function createRegistrar(deps: RegistrarDeps): () => Promise<Outcome<AdminConnection>> {
  let blocked: { untilMs: number; failure: Failure } | undefined;
  let failuresCount = 0;
  return async () => {
    const earlyMs = (blocked?.untilMs ?? 0) - deps.clock.nowMs();
    if (blocked && earlyMs > 0) {
      return { ok: false, failure: { ...blocked.failure, retryAfterMs: Math.ceil(earlyMs) } };
    }
    const outcome = await registerWithin(deps);
    if (outcome.ok) {
      blocked = undefined;
      failuresCount = 0;
      deps.log.info("admin_connection_renewed", { scope: deps.scopeKey });
      return outcome;
    }
    const { failure } = outcome;
    const step = backoffMs(deps.random, backoff, failuresCount++);
    const waitMs = Math.max(step, failure.retryAfterMs ?? 0);
    blocked = { untilMs: deps.clock.nowMs() + waitMs, failure };
    const { reason, message } = failure;
    deps.log.warn("admin_connection_failed", { scope: deps.scopeKey, reason, message, waitMs });
    return outcome;
  };
}

async function registerWithin(deps: RegistrarDeps): Promise<Outcome<AdminConnection>> {
  try {
    return await withDeadline(deps.clock, deps.limitMs, undefined, deps.register);
  } catch (error) {
    if (!(error instanceof DeadlineExceeded)) throw error;
    const attempted = `get an admin connection for ${deps.scopeKey}`;
    const came = error.message;
    return { ok: false, failure: createFailure({ reason: "timed-out", attempted, came }) };
  }
}
