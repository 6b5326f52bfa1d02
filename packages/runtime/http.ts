// Why: Runlet talks to GitHub for minutes at a time and to clusters with CAs of their own. The global
// fetch takes no CA, hides time limits of 300 s and opens a socket for every poll; this one adds trust,
// proxies and HTTP/2 by ALPN, and has no limit for an exchange but its caller's signal.
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { abortable } from "./abortable.ts";
import type { AddressGuard } from "./address-guard.ts";
import type { Clock } from "./clock.ts";
import type { Fetch, FetchInit } from "./fetch.ts";
import { dialOrigin, type Dialer } from "./http-dial.ts";
import { TransportError } from "./http-error.ts";
import { findProxy, parseProxyUrl, proxyHeaders, type ProxyOptions } from "./http-proxy.ts";
import { createTrust, type TrustOptions } from "./http-trust.ts";
import { createHttp1, type Exchanger } from "./http1.ts";
import { createHttp2 } from "./http2.ts";

export interface HttpFetchOptions extends TrustOptions {
  clock: Clock;
  proxy?: ProxyOptions;
  /** Looks at each address before it is connected to. */
  guard?: AddressGuard;
  /** The TLS name where it is not the URL's host (a kubeconfig's tls-server-name). */
  serverName?: string;
  /** "when-offered" (default): HTTP/2 where the server chooses it by ALPN; "never": HTTP/1.1 only. */
  http2?: "when-offered" | "never";
  /** HTTP/2 streams a connection carries at most; default 50, a quarter of a shard of 200; ≤ 100. */
  streamsPerSession?: number;
  /** HTTP/1.1 sockets to one origin; default 400, which 1,024 descriptors bear. */
  socketsPerOrigin?: number;
  /** HTTP/1.1 sockets are kept this long between requests; default 45 s. */
  idleSocketMs?: number;
  /** Default 10 s and 5 s: a dead HTTP/2 connection is noticed within 15 s. */
  pingEveryMs?: number;
  pingTimeoutMs?: number;
  /** For TCP, proxy, TLS and HTTP/2 settings each; default 10 s. A connection has many callers, so the limit is its own. */
  connectLimitMs?: number;
}

/** A fetch that holds connections. */
export interface HttpFetch extends Fetch {
  /** Ends every connection: open exchanges reject, later calls too. */
  close(): void;
}

/**
 * A Fetch over node:http and node:http2. Rejects with the signal's reason or a TransportError. Follows
 * no redirect and decodes no content encoding. Read or cancel every body: an unread one holds its
 * connection. For traffic that must not share a fate (polls, effects) make two.
 */
export function createHttpFetch(options: HttpFetchOptions): HttpFetch {
  const origins = new Map<string, Promise<Exchanger>>();
  const closing = new AbortController();
  const connector = createConnector(options, closing.signal);

  function exchangerOf(url: URL): Promise<Exchanger> {
    const known = origins.get(url.origin);
    if (known) return known;
    const made = connector(url);
    origins.set(url.origin, made);
    // Nothing is known about an origin that could not be reached: the next call tries anew.
    made.catch(() => forget(url, made));
    return made;
  }
  function forget(url: URL, exchanger: Promise<Exchanger>) {
    if (origins.get(url.origin) === exchanger) origins.delete(url.origin);
  }
  async function send(url: URL, init: FetchInit): Promise<Response> {
    const pending = exchangerOf(url);
    const exchanger = await abortable(pending, init.signal);
    try {
      return await exchanger.send(url, init);
    } catch (error) {
      if (!(error instanceof ProtocolChanged)) throw error;
      // The server was replaced by one without HTTP/2. What still runs on old sessions may end there.
      forget(url, pending);
      return (await abortable(exchangerOf(url), init.signal)).send(url, init);
    }
  }
  const fetch: Fetch = async (address, init = {}) => {
    closing.signal.throwIfAborted();
    init.signal?.throwIfAborted();
    return send(new URL(address), init);
  };
  const close = () => {
    closing.abort(new TransportError("this fetch is closed", "CLOSED"));
    for (const made of origins.values()) {
      made.then((exchanger) => exchanger.close()).catch(() => {});
    }
    origins.clear();
  };
  return Object.assign(fetch, { close });
}

class ProtocolChanged extends Error {
  override name = "ProtocolChanged";
}

type Connector = (url: URL) => Promise<Exchanger>;

/** What opens the first connection to an origin and learns from it how the origin is spoken to. */
function createConnector(options: HttpFetchOptions, closing: AbortSignal): Connector {
  const dialer: Dialer = {
    clock: options.clock,
    trust: createTrust(options),
    serverName: options.serverName,
    guard: options.guard,
    closing,
    connectLimitMs: options.connectLimitMs ?? 10_000,
  };
  for (const proxy of [options.proxy?.http, options.proxy?.https]) {
    if (proxy) parseProxyUrl(proxy);
  }

  return async (url) => {
    if (url.protocol !== "http:" && url.protocol !== "https:") {
      throw new TransportError(`cannot speak ${url.protocol}`, "PROTOCOL");
    }
    const proxy = findProxy(url, options.proxy);
    const dial = (protocols: string[]) => dialOrigin(dialer, { url, proxy, protocols });
    const plain = url.protocol === "http:";
    const absolute = plain && proxy ? proxyHeaders(proxy) : undefined;
    const http1 = (first?: Socket) =>
      createHttp1({
        dial: () => dial(["http/1.1"]),
        socketsMax: options.socketsPerOrigin ?? 400,
        idleSocketMs: options.idleSocketMs ?? 45_000,
        absolute,
        ...(first && { first }),
      });
    if (plain || options.http2 === "never") return http1();
    const both = ["h2", "http/1.1"];
    const first = await dial(both);
    if (!choseHttp2(first)) return http1(first);
    const again = async () => {
      const socket = await dial(both);
      if (choseHttp2(socket)) return socket;
      socket.destroy();
      throw new ProtocolChanged();
    };
    return createHttp2(url.origin, { ...http2Numbers(options), dial: again, first });
  };
}

function choseHttp2(socket: Socket): socket is TLSSocket {
  return socket instanceof TLSSocket && socket.alpnProtocol === "h2";
}

function http2Numbers(options: HttpFetchOptions) {
  return {
    clock: options.clock,
    streamsPerSession: Math.min(100, options.streamsPerSession ?? 50),
    pingEveryMs: options.pingEveryMs ?? 10_000,
    pingTimeoutMs: options.pingTimeoutMs ?? 5_000,
    connectLimitMs: options.connectLimitMs ?? 10_000,
  };
}
