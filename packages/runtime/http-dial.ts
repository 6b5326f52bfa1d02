// Why: HTTP/1.1 and HTTP/2 both begin with a connected socket, direct or through a proxy, with TLS or
// without. Getting one is the same work and fails in the same ways, so it stands here once.
import { request as httpRequest } from "node:http";
import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls, type SecureContext, type TLSSocket } from "node:tls";
import { checkLiteral, guardedLookup, type AddressGuard } from "./address-guard.ts";
import type { Clock } from "./clock.ts";
import { DeadlineExceeded, withDeadline } from "./deadline.ts";
import { TransportError, transportError } from "./http-error.ts";
import { hostOf, portOf, proxyHeaders } from "./http-proxy.ts";

export interface Dialer {
  clock: Clock;
  /** Undefined: Node's default roots. */
  trust: SecureContext | undefined;
  /** The name to ask for and to verify where it is not the URL's host. */
  serverName: string | undefined;
  /** Looks at each address before it is connected to. Not asked for a proxy's, nor for what is behind one. */
  guard: AddressGuard | undefined;
  /** Ends what is being connected. */
  closing: AbortSignal;
  /** A connection that is not there by then never will be. */
  connectLimitMs: number;
}

export interface Dial {
  url: URL;
  proxy: URL | undefined;
  /** What to offer by ALPN, the favourite first. Ignored for http://. */
  protocols: string[];
}

const tcpKeepAliveMs = 30_000;

/** A connected socket to the origin of `dial.url`; a TLSSocket for https://. */
export async function dialOrigin(dialer: Dialer, dial: Dial): Promise<Socket> {
  const what = `connect to ${dial.url.origin}`;
  const call = async (signal: AbortSignal) => {
    const socket = await dialTransport(dialer, dial, signal);
    if (dial.url.protocol !== "https:") return socket;
    return secure(socket, dial.url, dialer, { protocols: dial.protocols, signal });
  };
  try {
    return await withDeadline(dialer.clock, dialer.connectLimitMs, dialer.closing, call);
  } catch (error) {
    throw dialError(what, error);
  }
}

function dialError(what: string, error: unknown): TransportError {
  if (error instanceof DeadlineExceeded) {
    return new TransportError(`${what}: ${error.message}`, "CONNECT_TIMEOUT", { cause: error });
  }
  if (error instanceof TransportError) {
    return new TransportError(`${what}: ${error.message}`, error.code, { cause: error });
  }
  return transportError(what, error);
}

function dialTransport(dialer: Dialer, dial: Dial, signal: AbortSignal): Promise<Socket> {
  if (!dial.proxy) return dialTcp(dial.url, dialer.guard, signal);
  // Names are resolved by the proxy, out of our sight; an address is still refused here.
  if (dialer.guard) checkLiteral(dialer.guard, hostOf(dial.url));
  // A plain http:// request is sent to the proxy itself, which sees its whole address.
  if (dial.url.protocol === "http:") return dialProxy(dialer, dial.proxy, signal);
  return tunnel(dialer, { url: dial.url, proxy: dial.proxy }, signal);
}

async function dialProxy(dialer: Dialer, proxy: URL, signal: AbortSignal): Promise<Socket> {
  const socket = await dialTcp(proxy, undefined, signal);
  if (proxy.protocol !== "https:") return socket;
  const own = { ...dialer, serverName: undefined };
  return secure(socket, proxy, own, { protocols: ["http/1.1"], signal });
}

async function dialTcp(
  url: URL,
  guard: AddressGuard | undefined,
  signal: AbortSignal,
): Promise<Socket> {
  const host = hostOf(url);
  if (guard) checkLiteral(guard, host);
  const lookup = guard && { lookup: guardedLookup(guard) };
  const socket = connectTcp({ host, port: portOf(url), noDelay: true, ...lookup });
  socket.setKeepAlive(true, tcpKeepAliveMs);
  return connected(socket, "connect", signal);
}

function secure(
  socket: Socket,
  url: URL,
  dialer: Dialer,
  options: { protocols: string[]; signal: AbortSignal },
): Promise<TLSSocket> {
  const host = dialer.serverName ?? hostOf(url);
  const tls = connectTls({
    socket,
    host,
    // A server name must not be an address (RFC 6066 3); the certificate is checked against `host`.
    ...(isIP(host) ? {} : { servername: host }),
    ALPNProtocols: options.protocols,
    // Said, since NODE_TLS_REJECT_UNAUTHORIZED would decide otherwise.
    rejectUnauthorized: true,
    ...(dialer.trust && { secureContext: dialer.trust }),
  });
  return connected(tls, "secureConnect", options.signal);
}

/** `socket` once it has emitted `event`; destroyed when that does not happen. */
function connected<S extends Socket>(socket: S, event: string, signal: AbortSignal): Promise<S> {
  return new Promise((resolve, reject) => {
    const end = (act: () => void) => {
      socket.off("error", onError).off("close", onClose).off(event, onOpen);
      signal.removeEventListener("abort", onAbort);
      // An error while nobody uses the socket must not end the process.
      socket.on("error", () => {});
      act();
    };
    const fail = (error: unknown) =>
      end(() => {
        socket.destroy();
        reject(error as Error);
      });
    const onError = (error: Error) => fail(error);
    const onClose = () => fail(new TransportError("closed while connecting", "CLOSED"));
    const onAbort = () => fail(signal.reason);
    const onOpen = () => end(() => resolve(socket));
    socket.on("error", onError).on("close", onClose).on(event, onOpen);
    signal.addEventListener("abort", onAbort, { once: true });
  });
}

/** CONNECT (RFC 9110 9.3.6): a proxy opens the way, and what runs through it is none of its business. */
async function tunnel(
  dialer: Dialer,
  to: { url: URL; proxy: URL },
  signal: AbortSignal,
): Promise<Socket> {
  const wire = await dialProxy(dialer, to.proxy, signal);
  const target = `${to.url.hostname}:${portOf(to.url)}`;
  const refused = (status: number | undefined) =>
    new TransportError(`the proxy answered ${status} to CONNECT`, `PROXY_${status}`);
  return new Promise((resolve, reject) => {
    const fail = (error: unknown) => {
      wire.destroy();
      reject(error as Error);
    };
    const request = httpRequest({
      method: "CONNECT",
      path: target,
      headers: { host: target, ...proxyHeaders(to.proxy) },
      createConnection: () => wire,
    });
    signal.addEventListener("abort", () => fail(signal.reason), { once: true });
    request.on("error", fail);
    request.on("response", (message) => fail(refused(message.statusCode)));
    request.on("connect", (message, socket, head) => {
      if (message.statusCode !== 200) return fail(refused(message.statusCode));
      if (head.length > 0) socket.unshift(head);
      resolve(wire);
    });
    request.end();
  });
}
