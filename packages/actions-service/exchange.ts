// Why: one HTTP exchange, with its body read to the end or given up, becomes one plain value. Bodies are
// bounded: a message holds at most 50 jobs, and one server that sends megabytes must not stop the rest.
import type { Fetch, FetchInit } from "@runlet/runtime/fetch";
import type { Arrival } from "./outcomes.ts";

export const bodyMaxBytes = 4 * 1024 * 1024;

export type Exchanged =
  | { came: "answer"; status: number; headers: Headers; text: string; complete: boolean }
  | { came: Extract<Arrival, "not-connected" | "connection-broken" | "untrusted">; why: string };

/** Sends once. Rejects only with the signal's reason. */
export async function exchange(
  fetch: Fetch,
  url: string,
  init: FetchInit & { signal: AbortSignal },
): Promise<Exchanged> {
  init.signal.throwIfAborted();
  try {
    const response = await fetch(url, init);
    const body = await readBody(response, init.signal);
    return { came: "answer", status: response.status, headers: response.headers, ...body };
  } catch (error) {
    init.signal.throwIfAborted();
    return { came: nameTransportError(error), why: lastCause(error) };
  }
}

/** `complete` is false when the body was longer than it may be; the rest is not read. */
async function readBody(
  response: Response,
  signal: AbortSignal,
): Promise<{ text: string; complete: boolean }> {
  if (!response.body) return { text: "", complete: true };
  const reader = response.body.getReader();
  // Not awaited: a stream that hangs may also hang in cancel.
  const giveUp = () => void reader.cancel().catch(() => {});
  signal.addEventListener("abort", giveUp, { once: true });
  try {
    const decoder = new TextDecoder();
    let bytes = 0;
    let text = "";
    for (;;) {
      const { done, value } = await reader.read();
      signal.throwIfAborted();
      if (done) return { text: text + decoder.decode(), complete: true };
      bytes += value.byteLength;
      if (bytes > bodyMaxBytes) {
        giveUp();
        return { text: "", complete: false };
      }
      text += decoder.decode(value, { stream: true });
    }
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
}

/** Codes of Node, of undici and of runtime/http: no byte of the request has been acted on. */
const notConnected = new Set([
  ..."ECONNREFUSED ENOTFOUND EAI_AGAIN EAI_FAIL EHOSTUNREACH ENETUNREACH".split(" "),
  ..."UND_ERR_CONNECT_TIMEOUT CONNECT_TIMEOUT REFUSED_STREAM".split(" "),
]);
const untrusted =
  /^(ERR_TLS_|CERT_|SELF_SIGNED_|DEPTH_ZERO_|UNABLE_TO_(GET|VERIFY)|HOSTNAME_MISMATCH|ERR_INVALID_PROTOCOL|PROTOCOL$)/;

function nameTransportError(error: unknown) {
  const codes = causes(error).flatMap((cause) =>
    "code" in cause && typeof cause.code === "string" ? [cause.code] : [],
  );
  if (codes.some((code) => untrusted.test(code))) return "untrusted";
  const isNotConnected = (code: string) => notConnected.has(code) || code.startsWith("PROXY_");
  if (codes.some(isNotConnected)) return "not-connected";
  return "connection-broken";
}

function causes(error: unknown): Error[] {
  const chain: Error[] = [];
  for (let at = error; at instanceof Error && chain.length < 5; at = at.cause) chain.push(at);
  return chain;
}

function lastCause(error: unknown): string {
  return causes(error).at(-1)?.message || String(error);
}
