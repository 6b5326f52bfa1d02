// Why: calling a hono application as if it were across a network: aborts reject at once with the
// signal's reason, and a connection that the server breaks is a rejection, not a status.
import type { Hono } from "hono";
import type { Fetch } from "@runlet/runtime/fetch";
import { droppedHeader, type Front } from "./routes.ts";

export function createInProcessFetch(app: Hono<{ Bindings: Front }>): Fetch {
  return async (url, init = {}) => {
    const { signal, method = "GET", headers = {}, body = null } = init;
    signal?.throwIfAborted();
    const text = body instanceof Uint8Array ? new TextDecoder().decode(body) : body;
    const request = new Request(url, { method, headers, body: text });
    const answer = Promise.resolve(app.fetch(request, { signal }));
    const response = await (signal ? untilAborted(answer, signal) : answer);
    if (response.headers.has(droppedHeader)) {
      const cause = Object.assign(new Error("socket hang up"), { code: "ECONNRESET" });
      throw new TypeError("fetch failed", { cause });
    }
    return response;
  };
}

function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason as Error);
    signal.addEventListener("abort", onAbort, { once: true });
    promise
      .then(resolve, reject)
      .finally(() => signal.removeEventListener("abort", onAbort))
      // Both outcomes have gone to `resolve` and `reject`.
      .catch(() => {});
  });
}
