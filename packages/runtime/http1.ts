// Why: HTTP/1.1 for servers that speak no better: one socket an exchange, kept alive between them.
import {
  Agent,
  request as httpRequest,
  type IncomingMessage,
  type RequestOptions,
} from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { abortable } from "./abortable.ts";
import type { FetchInit } from "./fetch.ts";
import { settle, toResponse } from "./http-body.ts";
import { codeOf, TransportError, transportError } from "./http-error.ts";
import { hostOf, portOf } from "./http-proxy.ts";
import { createSlots } from "./slots.ts";

/** What sends requests to one origin. */
export interface Exchanger {
  send(url: URL, init: FetchInit): Promise<Response>;
  close(): void;
}

export interface Http1Options {
  dial: () => Promise<Socket>;
  /** Sockets at once; more requests wait for one (their signal still ends them). */
  socketsMax: number;
  /** A socket unused for so long is closed: gateways forget it, and a POST on it would be lost. */
  idleSocketMs: number;
  /** Set when requests go to a proxy that wants the whole address (RFC 9112 3.2.2). */
  absolute: Record<string, string> | undefined;
  /** A socket that is connected already. */
  first?: Socket;
}

/** Exchanges over a pool of kept-alive sockets. */
export function createHttp1(options: Http1Options): Exchanger {
  // The agent's own bound does not count sockets that are still being connected.
  const slots = createSlots(options.socketsMax);
  const agent = new Agent({
    keepAlive: true,
    maxFreeSockets: options.socketsMax,
    timeout: options.idleSocketMs,
  });
  let spare = options.first;
  let closed = false;
  const refuseIfClosed = () => {
    if (closed) throw new TransportError("this fetch is closed", "CLOSED");
  };
  const take = async () => {
    const ready = spare?.destroyed ? undefined : spare;
    spare = undefined;
    return ready ?? options.dial();
  };
  type Done = (error: Error | null, socket?: Duplex) => void;
  const connect = (_options: unknown, done: Done) => {
    take().then(
      (socket) => done(null, socket),
      (error: unknown) => done(error as Error),
    );
    return undefined;
  };
  // Node documents both: an agent's createConnection may be replaced, and may answer later.
  agent.createConnection = connect as unknown as Agent["createConnection"];
  return {
    async send(url, init) {
      const done = await slots.take(init.signal);
      const { absolute } = options;
      try {
        refuseIfClosed();
        const first = await exchange(url, init, { agent, absolute, done });
        if (first !== "stale") return first;
        const socket = await dialFor(init.signal, options.dial);
        const second = await exchange(url, init, { socket, absolute, done });
        if (second === "stale") throw new Error("a fresh socket cannot be stale");
        return second;
      } catch (error) {
        done();
        throw error;
      }
    },
    close: () => {
      closed = true;
      spare?.destroy();
      agent.destroy();
    },
  };
}

/** A socket for one caller; nobody else wants it when that caller gives up. */
async function dialFor(signal: AbortSignal | undefined, dial: Http1Options["dial"]) {
  const dialing = dial();
  try {
    return await abortable(dialing, signal);
  } catch (error) {
    dialing.then((socket) => socket.destroy()).catch(() => {});
    throw error;
  }
}

interface Route {
  absolute: Record<string, string> | undefined;
  agent?: Agent;
  /** Instead of the agent: this socket, for this exchange only. */
  socket?: Socket;
  /** To be called when the answer has been read, or will not be. */
  done: () => void;
}

/**
 * One exchange. "stale": the kept-alive socket had been closed by the server before it saw the request,
 * and asking again does no harm (RFC 9110 9.2.2), as Node's documentation of `reusedSocket` advises.
 */
function exchange(url: URL, init: FetchInit, route: Route): Promise<Response | "stale"> {
  const { signal } = init;
  const what = `${init.method ?? "GET"} ${url.origin}`;
  return new Promise((resolve, reject) => {
    // It may have been aborted while a connection was made; such a signal fires no event any more.
    if (signal?.aborted) {
      route.socket?.destroy();
      throw signal.reason;
    }
    const request = httpRequest(requestOptions(url, init, route));
    const onAbort = () => {
      reject(signal?.reason as Error);
      request.destroy();
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    request.on("error", (error) => {
      signal?.removeEventListener("abort", onAbort);
      if (request.reusedSocket && isSafe(init.method) && isReset(error)) resolve("stale");
      else reject(transportError(what, error));
    });
    // Node writes what was buffered after this event (lib/_http_client.js, onSocketNT).
    request.on("socket", () => {
      try {
        init.beforeSend?.();
      } catch (error) {
        reject(error as Error);
        request.destroy();
      }
    });
    request.on("response", (message) => {
      signal?.removeEventListener("abort", onAbort);
      const stop = () => void request.destroy();
      request.on("close", route.done);
      settle(resolve, reject, () => toResponse(what, headOf(message, stop), signal));
    });
    request.end(init.body);
  });
}

function requestOptions(url: URL, init: FetchInit, route: Route): RequestOptions {
  const { socket, absolute } = route;
  const method = init.method ?? "GET";
  const bodyBytes = init.body === undefined ? 0 : Buffer.byteLength(init.body);
  const length = bodyBytes > 0 || !isSafe(method) ? { "content-length": String(bodyBytes) } : {};
  return {
    method,
    host: hostOf(url),
    port: portOf(url),
    path: absolute ? `${url.origin}${url.pathname}${url.search}` : `${url.pathname}${url.search}`,
    headers: { host: url.host, ...length, ...absolute, ...init.headers },
    ...(socket ? { createConnection: () => socket } : { agent: route.agent }),
  };
}

function headOf(message: IncomingMessage, stop: () => void) {
  const raw = message.rawHeaders;
  const headers: [string, string][] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) headers.push([raw[i] ?? "", raw[i + 1] ?? ""]);
  const { statusCode, statusMessage = "" } = message;
  if (statusCode === undefined) throw new Error("an answer of a client request has a status");
  return { status: statusCode, statusText: statusMessage, headers, source: message, stop };
}

function isSafe(method = "GET"): boolean {
  return method === "GET" || method === "HEAD";
}

function isReset(error: unknown): boolean {
  return ["ECONNRESET", "EPIPE"].includes(codeOf(error) ?? "");
}
