// Why: every call goes through one function: send, name what came, look up its row, do what the row says.
// Limits, retries, budget and redaction are therefore the same for all of them.
import { backoffMs } from "@runlet/runtime/backoff";
import type { Clock } from "@runlet/runtime/clock";
import { DeadlineExceeded, withDeadline } from "@runlet/runtime/deadline";
import type { Fetch } from "@runlet/runtime/fetch";
import type { Log } from "@runlet/runtime/log";
import type { Random } from "@runlet/runtime/random";
import { judge } from "./arrival.ts";
import { createFailure, readRetryAfter } from "./errors.ts";
import { exchange } from "./exchange.ts";
import { type Call, findRow, type Gives } from "./outcomes.ts";
import { shownUrl } from "./request.ts";
import type { RetryBudget } from "./retry-budget.ts";
import type { ServerTime } from "./server-time.ts";
import type { CallOptions, Failure, Outcome } from "./service.ts";

export interface CallDeps {
  fetch: Fetch;
  clock: Clock;
  random: Random;
  log: Log;
  budget: RetryBudget;
  serverTime: ServerTime;
  /** Time limit of a call that names none. */
  limitMs: number;
}

/** A request that is ready to be sent. */
export interface Prepared {
  method: "GET" | "POST" | "PATCH" | "DELETE";
  url: string;
  headers: Record<string, string>;
  body?: string;
  /** The tokens in it: kept out of every message. */
  secrets: readonly string[];
}

export interface Plan<C extends Call, T, P extends Prepared> {
  call: C;
  /** What the call is about, for messages: `scale set 7`. */
  on: string;
  /** The status that means success. */
  accepts: 200 | 201 | 204 | "2xx";
  /** Made anew for each attempt, since tokens and addresses change. */
  prepare: (signal: AbortSignal) => Promise<Outcome<P>>;
  /** Reads a body; throws Unreadable (or SyntaxError). */
  decode: (json: unknown) => T;
  /** What each word of the call's rows means to it. */
  words: Record<Gives<C>, T>;
  /** For rows that say so: get another connection. Undefined: none to be had now. */
  reconnect?: (prepared: P, status: number) => Promise<Outcome<unknown> | undefined>;
}

const retriesMax = 4;
const backoff = { baseMs: 500, capMs: 8_000 };

/** Runs a plan. Rejects only with the reason of the caller's signal (or for a bug). */
export async function runCall<C extends Call, T, P extends Prepared>(
  deps: CallDeps,
  plan: Plan<C, T, P>,
  options: CallOptions = {},
): Promise<Outcome<T>> {
  const limitMs = Math.max(0, options.limitMs ?? deps.limitMs);
  const endMs = deps.clock.nowMs() + limitMs;
  try {
    return await withDeadline(deps.clock, limitMs, options.signal, (signal) =>
      attemptUntil(deps, plan, endMs, signal),
    );
  } catch (error) {
    options.signal?.throwIfAborted();
    if (!(error instanceof DeadlineExceeded)) throw error;
    const row = findRow(plan.call, "timed-out");
    if ("gives" in row) throw new Error("a time-out gives nothing", { cause: error });
    const failure = createFailure({
      reason: row.fails,
      attempted: `${plan.call} (${plan.on})`,
      came: error.message,
    });
    return { ok: false, failure };
  }
}

async function attemptUntil<C extends Call, T, P extends Prepared>(
  deps: CallDeps,
  plan: Plan<C, T, P>,
  endMs: number,
  signal: AbortSignal,
): Promise<Outcome<T>> {
  let reconnected = false;
  for (let retries = 0; ;) {
    const prepared = await plan.prepare(signal);
    if (!prepared.ok) return prepared;
    const tried = await attempt(deps, plan, prepared.value, signal);
    if (tried.ok) {
      deps.budget.earn();
      return { ok: true, value: tried.value };
    }
    const { failure, next, status } = tried;
    if (next === "reconnect" && plan.reconnect && !reconnected) {
      reconnected = true;
      const connection = await plan.reconnect(prepared.value, status);
      if (connection?.ok) continue;
      return connection ?? { ok: false, failure };
    }
    if (next !== "retry" || retries >= retriesMax) return { ok: false, failure };
    const waitMs = Math.max(failure.retryAfterMs ?? 0, backoffMs(deps.random, backoff, retries));
    if (deps.clock.nowMs() + waitMs >= endMs || !deps.budget.take()) return { ok: false, failure };
    retries++;
    deps.log.debug("service_call_retried", { call: plan.call, reason: failure.reason, waitMs });
    await deps.clock.sleep(waitMs, signal);
  }
}

type Tried<T> =
  | { ok: true; value: T }
  | { ok: false; failure: Failure; next: "retry" | "reconnect" | undefined; status: number };

async function attempt<C extends Call, T, P extends Prepared>(
  deps: CallDeps,
  plan: Plan<C, T, P>,
  prepared: P,
  signal: AbortSignal,
): Promise<Tried<T>> {
  const { method, url, headers, body } = prepared;
  const init = { method, headers, signal, ...(body === undefined ? {} : { body }) };
  const exchanged = await exchange(deps.fetch, url, init);
  if (exchanged.came === "answer") deps.serverTime.note(exchanged.headers);
  const judged = judge(plan, exchanged);
  const row = findRow(plan.call, judged.arrival);
  if ("gives" in row) {
    if (row.gives === "body") return { ok: true, value: judged.value() };
    // The row is one of this call's rows, so its word is one of Gives<C>; findRow has widened it.
    return { ok: true, value: plan.words[row.gives as Gives<C>] };
  }
  const answer = exchanged.came === "answer" ? exchanged : undefined;
  const failure = createFailure({
    reason: row.fails,
    attempted: `${plan.call} (${plan.on}), ${method} ${shownUrl(url)}`,
    came: judged.came,
    typeName: judged.typeName,
    secrets: prepared.secrets,
    ...(answer ? { status: answer.status, headers: answer.headers } : {}),
    retryAfterMs: answer && readRetryAfter(answer.headers, deps.serverTime.nowMs()),
  });
  return { ok: false, failure, next: row.next, status: answer?.status ?? 0 };
}
