// Why: the tests of this package look at exact bytes and counts, so their server says exactly what a
// script tells it, and writes down what it was asked. (How a whole service behaves is the simulator's
// business: packages/simulators/actions-service.)
import type { VirtualClock } from "@runlet/runtime/virtual-clock";
import { createVirtualClock } from "@runlet/runtime/virtual-clock";
import type { Fetch } from "@runlet/runtime/fetch";
import { createLog } from "@runlet/runtime/log";
import { createSeededRandom } from "@runlet/runtime/random";
import { type ActionsServiceDeps, createActionsService } from "./client.ts";
import type { ActionsService } from "./service.ts";

export interface Answer {
  status: number;
  /** An object is sent as JSON. */
  body?: unknown;
  headers?: Record<string, string>;
  /** Virtual ms before the answer. */
  delayMs?: number;
  /** No answer at all until the caller aborts. */
  hangs?: boolean;
  /** The transport's error instead of an answer. */
  breaks?: Error;
  /** The body ends with this error. */
  bodyBreaks?: Error;
}

export interface Recorded {
  method: string;
  url: string;
  headers: Record<string, string>;
  body: string | Uint8Array | undefined;
  atMs: number;
}

type Step = Answer | ((request: Recorded) => Answer);

export interface ScriptedServer {
  fetch: Fetch;
  /** Everything that was asked, in order. */
  requests: Recorded[];
  /** The requests that are not part of getting an admin connection, as `METHOD url`. */
  asked(): string[];
  /** Answers for service and queue, in order; the last one given with `always` stays. */
  next(...steps: Step[]): void;
  always(step: Step | undefined): void;
  /** The same for registration-token, runner-registration and access_tokens. */
  auth: { next(...steps: Step[]): void; always(step: Step | undefined): void };
  /** How many answers have been scripted and not asked for. */
  left(): number;
}

export const serviceBase = "https://ghes.test/tenant";
const isAuth = /\/registration-token$|\/actions\/runner-registration$|\/access_tokens$/;

export function adminToken(expiresAtMs: number, name = "admin"): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "none" })}.${part({ exp: Math.floor(expiresAtMs / 1000), name })}.sig`;
}

export function createScriptedServer(clock: VirtualClock): ScriptedServer {
  const requests: Recorded[] = [];
  const service: { steps: Step[]; always?: Step | undefined } = { steps: [] };
  const auth: { steps: Step[]; always?: Step | undefined } = { steps: [] };
  let tokens = 0;

  function answerAuth(request: Recorded): Answer {
    if (request.url.endsWith("/registration-token")) {
      return { status: 201, body: { token: "AABBCC", expires_at: "2030-01-01T00:00:00Z" } };
    }
    if (request.url.endsWith("/access_tokens")) {
      const expires_at = new Date(clock.wallMs() + 3_600_000).toISOString();
      return { status: 201, body: { token: `ghs_installation${++tokens}`, expires_at } };
    }
    const token = adminToken(clock.wallMs() + 3_600_000, `admin-${++tokens}`);
    return { status: 200, body: { url: `${serviceBase}/`, token } };
  }

  function pick(request: Recorded): Answer {
    const script = isAuth.test(request.url) ? auth : service;
    const step =
      script.steps.shift() ?? script.always ?? (script === auth ? answerAuth : undefined);
    if (!step) throw new Error(`nothing is scripted for ${request.method} ${request.url}`);
    return typeof step === "function" ? step(request) : step;
  }

  const scriptOf = (script: typeof service) => ({
    next: (...steps: Step[]) => void script.steps.push(...steps),
    always: (step: Step | undefined) => {
      script.always = step;
    },
  });
  return {
    requests,
    asked: () => requests.filter((r) => !isAuth.test(r.url)).map((r) => `${r.method} ${r.url}`),
    ...scriptOf(service),
    auth: scriptOf(auth),
    left: () => service.steps.length + auth.steps.length,
    async fetch(url, init = {}) {
      const request: Recorded = {
        method: init.method ?? "GET",
        url,
        headers: init.headers ?? {},
        body: init.body,
        atMs: clock.nowMs(),
      };
      requests.push(request);
      const answer = pick(request);
      if (answer.hangs) await clock.sleep(10 ** 9, init.signal);
      if (answer.delayMs) await clock.sleep(answer.delayMs, init.signal);
      if (answer.breaks) throw answer.breaks;
      return respond(answer);
    },
  };
}

function respond({ status, body, headers = {}, bodyBreaks }: Answer): Response {
  const isText = typeof body === "string" || body === undefined;
  const text = isText ? (body ?? "") : JSON.stringify(body);
  const type = { "Content-Type": "application/json; charset=utf-8; api-version=6.0-preview" };
  if (bodyBreaks) {
    const stream = new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode(text));
        controller.error(bodyBreaks);
      },
    });
    return new Response(stream, { status, headers: { ...type, ...headers } });
  }
  const empty = status === 204 || status === 304;
  return new Response(empty ? null : text, { status, headers: { ...type, ...headers } });
}

/** A transport error with a code, as Node's sockets give it. */
export function brokenBy(code: string, message: string = code): Error {
  return new Error("fetch failed", { cause: Object.assign(new Error(message), { code }) });
}

export interface Bench {
  clock: VirtualClock;
  server: ScriptedServer;
  service: ActionsService;
  /** Every log line so far. */
  lines: string[];
  /** Awaits `promise` while virtual time runs. */
  run: <T>(promise: Promise<T>, limitMs?: number) => Promise<T>;
  /** Another client of the same scope and server. */
  another(options?: Partial<ActionsServiceDeps>): ActionsService;
}

/** A client on a scripted server under a virtual clock. */
export function createBench(options: Partial<ActionsServiceDeps> = {}): Bench {
  const clock = createVirtualClock();
  const server = createScriptedServer(clock);
  const lines: string[] = [];
  const log = createLog(
    { write: (line) => void lines.push(line), wallMs: () => clock.wallMs() },
    { level: "debug" },
  );
  const another = (more: Partial<ActionsServiceDeps> = {}) =>
    createActionsService({
      fetch: server.fetch,
      clock,
      random: createSeededRandom(1),
      log,
      configUrl: "https://ghes.test/my-org",
      credential: () => Promise.resolve({ kind: "pat", token: "ghp_x" }),
      system: { name: "runlet", version: "0.1.0", subsystem: "poller" },
      limitMs: 10_000,
      ...options,
      ...more,
    });
  async function run<T>(promise: Promise<T>, limitMs = 600_000): Promise<T> {
    let settled = false;
    const end = () => void (settled = true);
    promise.then(end, end);
    await clock.runUntil(() => settled, limitMs, "the call");
    return promise;
  }
  return { clock, server, service: another(), lines, run, another };
}
