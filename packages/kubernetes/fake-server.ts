// Why: the tests of this folder speak to an API server made of one function, in the same thread and in
// microtasks only, so that they run under the virtual clock. It knows no Kubernetes: each test says what
// comes back. (Against a whole API server the same client is tested in tests/contract.)
import type { Fetch, FetchInit } from "@runlet/runtime/fetch";

export interface FakeRequest {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: Record<string, string>;
  body: string;
  signal: AbortSignal | undefined;
}

export interface FakeServer {
  fetch: Fetch;
  requests: FakeRequest[];
}

/** A fetch that hands each request to `answer` and remembers it. */
export function createFakeServer(
  answer: (request: FakeRequest) => Response | Promise<Response>,
): FakeServer {
  const requests: FakeRequest[] = [];
  const fetch: Fetch = async (address: string, init: FetchInit = {}) => {
    init.signal?.throwIfAborted();
    const url = new URL(address);
    const request: FakeRequest = {
      method: init.method ?? "GET",
      path: url.pathname,
      query: url.searchParams,
      headers: init.headers ?? {},
      body: typeof init.body === "string" ? init.body : "",
      signal: init.signal,
    };
    requests.push(request);
    return answer(request);
  };
  return { fetch, requests };
}

export function json(body: unknown, status = 200, headers: Record<string, string> = {}): Response {
  const all = { "content-type": "application/json", ...headers };
  return new Response(JSON.stringify(body), { status, headers: all });
}

export function statusAnswer(code: number, reason: string, message: string): Response {
  return json({ kind: "Status", status: "Failure", code, reason, message }, code);
}

/** A streamed body that the test writes to, ends or breaks. */
export function createStream(): {
  response: Response;
  write(text: string | Uint8Array): void;
  event(type: string, object: unknown): void;
  end(): void;
  fail(error: Error): void;
  isCancelled(): boolean;
} {
  let cancelled = false;
  let control: ReadableStreamDefaultController<Uint8Array> | undefined;
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => void (control = controller),
    cancel: () => void (cancelled = true),
  });
  const write = (text: string | Uint8Array) =>
    control?.enqueue(typeof text === "string" ? Buffer.from(text) : text);
  return {
    response: new Response(body),
    write,
    event: (type, object) => write(`${JSON.stringify({ type, object })}\n`),
    end: () => control?.close(),
    fail: (error) => control?.error(error),
    isCancelled: () => cancelled,
  };
}
