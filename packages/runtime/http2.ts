// Why: two hundred open long polls cost 90 kB each on sockets of their own and 9 kB as HTTP/2 streams.
// A few sessions carry them: bounded streams a session, so that one dead connection touches a part of
// a shard only, and pings, since a connection whose peer is gone says nothing at all (ARC #3682).
import {
  connect as connectHttp2,
  constants,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type IncomingHttpHeaders,
} from "node:http2";
import type { TLSSocket } from "node:tls";
import { abortable } from "./abortable.ts";
import type { Clock } from "./clock.ts";
import type { FetchInit } from "./fetch.ts";
import { settle, toResponse } from "./http-body.ts";
import { codeOf, TransportError, transportError } from "./http-error.ts";
import type { Exchanger } from "./http1.ts";
import { keepAlive, type Heartbeat } from "./http2-ping.ts";

export interface Http2Options {
  clock: Clock;
  /** A TLS socket on which the server chose h2; throws when it chose something else. */
  dial: () => Promise<TLSSocket>;
  first: TLSSocket;
  streamsPerSession: number;
  pingEveryMs: number;
  pingTimeoutMs: number;
  connectLimitMs: number;
}

interface Connection {
  session: ClientHttp2Session;
  heartbeat: Heartbeat;
  open: number;
  /** It takes no new streams: closed, or the server said GOAWAY. */
  leaving: boolean;
}

/** Exchanges as streams of as few sessions as the bound allows. */
export function createHttp2(origin: string, options: Http2Options): Exchanger {
  const connections = new Set<Connection>();
  let closed = false;
  let opening: Promise<void> | undefined;
  let first: TLSSocket | undefined = options.first;

  /** A connection with room, on which a stream is counted at once: many callers ask in one instant. */
  function reserve(): Connection | undefined {
    for (const connection of connections) {
      const peers = connection.session.remoteSettings.maxConcurrentStreams ?? Infinity;
      const most = Math.min(options.streamsPerSession, peers);
      const here = !connection.leaving && !connection.session.destroyed;
      if (!here || connection.open >= most) continue;
      connection.open++;
      return connection;
    }
    return undefined;
  }
  async function open() {
    const ready = first?.destroyed ? undefined : first;
    first = undefined;
    const socket = ready ?? (await options.dial());
    const connection = await openConnection(origin, socket, options);
    if (closed) connection.session.destroy();
    connections.add(connection);
    const { session } = connection;
    // GOAWAY is how a server sends its clients elsewhere: what runs here ends, nothing new begins.
    session.on("goaway", () => (connection.leaving = true));
    session.on("close", () => {
      connection.leaving = true;
      connection.heartbeat.stop();
      connections.delete(connection);
    });
  }
  /** A connection with room; one at a time is opened, whoever asks meanwhile shares it or asks again. */
  async function obtain(signal: AbortSignal | undefined): Promise<Connection> {
    for (;;) {
      if (closed) throw new TransportError("this fetch is closed", "CLOSED");
      const found = reserve();
      if (found) return found;
      opening ??= open().finally(() => (opening = undefined));
      await abortable(opening, signal);
    }
  }
  return {
    async send(url, init) {
      // REFUSED_STREAM promises that the server has not begun (RFC 9113 8.7): asking again is safe.
      for (let attempt = 0; attempt < attemptsMax; attempt++) {
        const answer = await exchange(await obtain(init.signal), url, init);
        if (answer !== "refused") return answer;
      }
      const what = `${init.method ?? "GET"} ${url.origin}`;
      throw new TransportError(`${what}: refused ${attemptsMax} times`, "REFUSED_STREAM");
    },
    close() {
      closed = true;
      first?.destroy();
      for (const { session } of connections) session.destroy();
    },
  };
}

const attemptsMax = 4;
// Kubernetes lists are large; a body that nobody reads yet must not stop its neighbours.
const sessionWindowBytes = 16 * 1024 * 1024;

/** A session whose settings have arrived, so that the peer's bound on streams is known. */
async function openConnection(
  origin: string,
  socket: TLSSocket,
  options: Http2Options,
): Promise<Connection> {
  const session = connectHttp2(origin, {
    createConnection: () => socket,
    settings: { enablePush: false },
    maxSessionMemory: 64,
  });
  await new Promise<void>((resolve, reject) => {
    const limit = () => {
      const why = new TransportError(`connect to ${origin}: no SETTINGS`, "CONNECT_TIMEOUT");
      session.destroy(why);
    };
    const cancel = options.clock.after(options.connectLimitMs, limit);
    session.once("close", () => {
      cancel();
      reject(new TransportError(`connect to ${origin}: closed before SETTINGS`, "CLOSED"));
    });
    // Also later: an 'error' without a listener would end the process; its streams tell their callers.
    session.on("error", (error) => reject(transportError(`connect to ${origin}`, error)));
    session.once("remoteSettings", () => {
      cancel();
      resolve();
    });
  });
  session.setLocalWindowSize(sessionWindowBytes);
  session.unref();
  return { session, heartbeat: keepAlive(session, options), open: 0, leaving: false };
}

/** One exchange; "refused" when the server certainly has not acted on it. */
function exchange(
  connection: Connection,
  url: URL,
  init: FetchInit,
): Promise<Response | "refused"> {
  const { signal } = init;
  const what = `${init.method ?? "GET"} ${url.origin}`;
  // It may have been aborted while a connection was made; such a signal fires no event any more.
  try {
    signal?.throwIfAborted();
    init.beforeSend?.();
  } catch (error) {
    release(connection);
    return Promise.reject(error as Error);
  }
  const stream = startStream(connection, url, init);
  if (!stream) return Promise.resolve("refused");
  return new Promise((resolve, reject) => {
    const stop = () => stream.close(constants.NGHTTP2_CANCEL);
    const onAbort = () => {
      reject(signal?.reason as Error);
      stop();
    };
    const failed = (error: TransportError) => {
      signal?.removeEventListener("abort", onAbort);
      if (stream.rstCode === constants.NGHTTP2_REFUSED_STREAM) resolve("refused");
      else reject(error);
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    stream.on("error", (error) => failed(transportError(what, error)));
    // A server may reset a stream without an error while the upload still waits for room: Node then ends
    // the stream and never closes it.
    stream.on("end", () => stream.closed && stream.destroy());
    stream.on("close", () => failed(new TransportError(`${what}: no answer`, "CLOSED")));
    stream.on("response", (headers) => {
      signal?.removeEventListener("abort", onAbort);
      const head = { ...headOf(headers), statusText: "", source: stream, stop };
      settle(resolve, reject, () => toResponse(what, head, signal));
    });
    if (init.body !== undefined) stream.end(init.body);
  });
}

/** The stream of a request, which keeps its reservation until it closes; undefined when the session takes none any more. */
function startStream(connection: Connection, url: URL, init: FetchInit) {
  let stream: ClientHttp2Stream;
  try {
    stream = connection.session.request(requestHeaders(url, init), {
      endStream: init.body === undefined,
    });
  } catch (error) {
    const gone = ["ERR_HTTP2_INVALID_SESSION", "ERR_HTTP2_GOAWAY_SESSION"];
    const full = "ERR_HTTP2_OUT_OF_STREAMS";
    if (![...gone, full].includes(codeOf(error) ?? "")) {
      release(connection);
      throw error;
    }
    connection.leaving = true;
    release(connection);
    return undefined;
  }
  connection.session.ref();
  connection.heartbeat.begin();
  stream.once("close", () => release(connection));
  return stream;
}

function release(connection: Connection): void {
  if (--connection.open > 0) return;
  connection.heartbeat.pause();
  // An idle connection must not keep the process alive.
  if (!connection.session.destroyed) connection.session.unref();
}

function requestHeaders(url: URL, init: FetchInit): Record<string, string> {
  const headers: Record<string, string> = {
    ":method": init.method ?? "GET",
    ":scheme": "https",
    ":authority": url.host,
    ":path": `${url.pathname}${url.search}`,
  };
  if (init.body !== undefined) headers["content-length"] = String(Buffer.byteLength(init.body));
  for (const [name, value] of Object.entries(init.headers ?? {})) {
    const lower = name.toLowerCase();
    if (lower === "host") headers[":authority"] = value;
    else if (!hopByHop.includes(lower)) headers[lower] = value;
  }
  return headers;
}

// They belong to HTTP/1.1 connections and make an HTTP/2 request malformed (RFC 9113 8.2.2).
const hopByHop: readonly string[] = ["connection", "keep-alive", "transfer-encoding", "upgrade"];

function headOf(raw: IncomingHttpHeaders & { ":status"?: number | undefined }) {
  const headers: [string, string][] = [];
  for (const [name, value] of Object.entries(raw)) {
    if (name.startsWith(":") || value === undefined) continue;
    for (const item of Array.isArray(value) ? value : [String(value)]) headers.push([name, item]);
  }
  return { status: Number(raw[":status"]), headers };
}
