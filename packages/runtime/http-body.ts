// Why: callers get a web Response whatever the protocol below. Its body streams with back-pressure,
// ends with the signal's own reason, and says so when the peer stopped half-way.
import type { Readable } from "node:stream";
import { TransportError, transportError } from "./http-error.ts";

/** What a protocol knows once the head of an answer is in. */
export interface AnswerHead {
  status: number;
  statusText: string;
  headers: Iterable<[string, string]>;
  source: Readable;
  /** Stops the exchange (the connection, or only the stream). */
  stop: () => void;
}

// These statuses have no body by definition, and Response refuses to be given one (Fetch standard).
const bodyless: readonly number[] = [204, 205, 304];
const bufferBytes = 65_536;

/** Answers a caller from an event handler, where a throw would end the process. */
export function settle<T>(
  resolve: (value: T) => void,
  reject: (error: unknown) => void,
  make: () => T,
): void {
  try {
    resolve(make());
  } catch (error) {
    reject(error);
  }
}

/** The head and its streamed body as a web Response. */
export function toResponse(what: string, head: AnswerHead, signal?: AbortSignal): Response {
  if (!(head.status >= 200 && head.status <= 599)) {
    head.stop();
    throw new TransportError(`${what}: answered with status ${head.status}`, "STATUS");
  }
  const headers = new Headers();
  for (const [name, value] of head.headers) headers.append(name, value);
  const init = { status: head.status, statusText: head.statusText, headers };
  if (bodyless.includes(head.status) || headers.get("content-length") === "0") {
    // Most answers to long polls: a stream for nothing would cost more than the rest of the answer.
    head.source.on("error", () => {}).resume();
    return new Response(null, init);
  }
  return new Response(streamBody(what, head, signal), init);
}

function streamBody(what: string, head: AnswerHead, signal?: AbortSignal) {
  const { source } = head;
  let ended = false;
  const end = (act: () => void) => {
    if (ended) return;
    ended = true;
    signal?.removeEventListener("abort", onAbort);
    act();
  };
  let onAbort = () => {};
  const start = (controller: ReadableStreamDefaultController<Uint8Array>) => {
    const fail = (error: unknown) => end(() => controller.error(error));
    onAbort = () => {
      fail(signal?.reason);
      head.stop();
    };
    source.on("data", (chunk: Buffer) => {
      if (ended) return;
      controller.enqueue(chunk);
      if ((controller.desiredSize ?? 0) <= 0) source.pause();
    });
    source.on("end", () => end(() => controller.close()));
    source.on("error", (error) => fail(transportError(`${what}: the body broke off`, error)));
    source.on("close", () => fail(new TransportError(`${what}: the body broke off`, "CLOSED")));
    source.pause();
    signal?.addEventListener("abort", onAbort, { once: true });
    if (signal?.aborted) onAbort();
  };
  return new ReadableStream<Uint8Array>(
    { start, pull: () => void source.resume(), cancel: () => end(head.stop) },
    new ByteLengthQueuingStrategy({ highWaterMark: bufferBytes }),
  );
}
