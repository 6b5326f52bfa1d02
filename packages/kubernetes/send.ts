// Why: one exchange with an API server: the token of the moment, our time limit, one fresh-connection
// retry for reads, and every failure folded into KubernetesError. No other retry is hidden here.
import type { Fetch, FetchInit } from "@runlet/runtime/fetch";
import { DeadlineExceeded, withDeadline } from "@runlet/runtime/deadline";
import type { KubernetesCallOptions, KubernetesClientDeps } from "./client.ts";
import { errorOfAnswer, KubernetesError } from "./kubernetes-error.ts";

export interface Exchange {
  method: "GET" | "POST" | "PATCH" | "DELETE";
  /** Path and query. */
  path: string;
  /** What is attempted, on what: the beginning of every error's message. */
  attempted: string;
  body?: { contentType: string; value: unknown };
}

/** The answer's JSON. Throws KubernetesError, or the reason of `options.signal`. */
export async function send(
  deps: KubernetesClientDeps,
  exchange: Exchange,
  options: KubernetesCallOptions = {},
): Promise<unknown> {
  return limited(deps, exchange, options, async (signal) => {
    const response = await request(deps, exchange, signal);
    const text = await response.text();
    try {
      return JSON.parse(text) as unknown;
    } catch (cause) {
      throw new KubernetesError(
        `${exchange.attempted}: the answer (${text.length} characters) is no JSON`,
        { status: response.status, reason: "Unreadable" },
        { cause },
      );
    }
  });
}

/** Opens a stream: the time limit holds for the headers, `life` ends the body. */
export async function open(
  deps: KubernetesClientDeps,
  exchange: Exchange,
  options: { life: AbortSignal; limitMs?: number },
): Promise<Response> {
  const limits = { signal: options.life, ...(options.limitMs ? { limitMs: options.limitMs } : {}) };
  return limited(deps, exchange, limits, async (signal) => {
    // The call's own signal ends with the headers; the body must live on until `life` ends.
    const either = new AbortController();
    const end = (from: AbortSignal) => () => either.abort(from.reason);
    signal.addEventListener("abort", end(signal), { once: true });
    options.life.addEventListener("abort", end(options.life), { once: true });
    return request(deps, exchange, either.signal);
  });
}

/** Runs `call` within the limit and gives its failures our shape. */
async function limited<T>(
  deps: KubernetesClientDeps,
  exchange: Exchange,
  options: KubernetesCallOptions,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  try {
    const limitMs = options.limitMs ?? deps.limitMs;
    return await withDeadline(deps.clock, limitMs, options.signal, call);
  } catch (error) {
    if (error instanceof KubernetesError) throw error;
    if (options.signal?.aborted) throw error;
    throw failed(exchange.attempted, error);
  }
}

/** A broken connection or a passed limit, as the error callers know. */
export function failed(attempted: string, cause: unknown): KubernetesError {
  const timedOut = cause instanceof DeadlineExceeded;
  const what = cause instanceof Error ? cause.message : String(cause);
  return new KubernetesError(
    `${attempted}: ${what}`,
    { status: 0, reason: timedOut ? "TimedOut" : "Unreachable" },
    { cause },
  );
}

async function request(
  deps: KubernetesClientDeps,
  exchange: Exchange,
  signal: AbortSignal,
): Promise<Response> {
  const token = await deps.access.token?.();
  const init: FetchInit = {
    method: exchange.method,
    headers: {
      accept: "application/json",
      "user-agent": deps.userAgent,
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(exchange.body ? { "content-type": exchange.body.contentType } : {}),
    },
    // JSON.stringify writes what callers wrapped in JSON.rawJSON digit by digit (int64).
    ...(exchange.body ? { body: JSON.stringify(exchange.body.value) } : {}),
    signal,
  };
  const response = await fetchOnce(deps.access.fetch, deps.access.server + exchange.path, init);
  if (response.ok) return response;
  const retryAfter = response.headers.get("retry-after");
  const answer = { status: response.status, retryAfter };
  throw errorOfAnswer(exchange.attempted, answer, await response.text());
}

/**
 * A kept connection may have died unnoticed (a function that was frozen, a server that restarted): a read
 * that finds it reset is sent once more, which takes a fresh one. A write is not: it may have been done.
 */
async function fetchOnce(fetch: Fetch, url: string, init: FetchInit): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (error) {
    if (init.method !== "GET" || init.signal?.aborted || !isReset(error)) throw error;
    return fetch(url, init);
  }
}

function isReset(error: unknown): boolean {
  for (let at: unknown = error; at instanceof Error; at = at.cause)
    if ("code" in at && (at.code === "ECONNRESET" || at.code === "EPIPE")) return true;
  return false;
}
