// Why: the sweep asks GitHub's REST API a few things that the Actions Service does not know. Each call is bounded, and
// what comes back is one value: an answer with its headers, whatever its status.
import type { Clock } from "@runlet/runtime/clock";
import { withDeadline } from "@runlet/runtime/deadline";
import type { Fetch } from "@runlet/runtime/fetch";

/** How one credential gets to its GitHub. */
export interface RestAccess {
  /** With the credential's CA and proxy; counts. */
  fetch: Fetch;
  kind: "pat" | "app";
  /** The Authorization header's value. */
  authorization: string;
  /** Answers whether the credential is good, and costs nothing of its limit. */
  proofUrl: string;
}

export interface RestDeps {
  clock: Clock;
  settings: { effectTimeoutMs: number };
}

export interface RestAnswer {
  status: number;
  headers: Headers;
  text: string;
  /** How many calls may still be made in this hour, and of how many; undefined: GitHub does not say. */
  limit: RestLimit | undefined;
}

export interface RestLimit {
  left: number;
  max: number;
  /** Milliseconds since 1970: then the hour begins anew. */
  resetAt: number;
}

/** One call. Rejects when no answer came within the effect time-out. */
export async function callRest(
  { clock, settings }: RestDeps,
  access: RestAccess,
  method: "GET" | "POST",
  url: string,
): Promise<RestAnswer> {
  const { authorization } = access;
  const headers = { authorization, accept: "application/vnd.github+json", "user-agent": "runlet" };
  return withDeadline(clock, settings.effectTimeoutMs, undefined, async (signal) => {
    const answer = await access.fetch(url, { method, signal, headers });
    const text = await answer.text();
    return { status: answer.status, headers: answer.headers, text, limit: readLimit(answer) };
  });
}

/** docs.github.com, "Rate limits for the REST API": headers of every answer. */
export function readLimit({ headers }: Pick<Response, "headers">): RestLimit | undefined {
  const read = (name: string) => Number(headers.get(`x-ratelimit-${name}`) ?? Number.NaN);
  const limit = { left: read("remaining"), max: read("limit"), resetAt: read("reset") * 1000 };
  return Object.values(limit).every(Number.isFinite) && limit.max > 0 ? limit : undefined;
}
