// Why: a cluster behind a proxy must be reached the way its other Go programs reach it. ARC hands its
// proxy settings to golang.org/x/net/http/httpproxy, so these are that package's rules for "which".
import { BlockList, isIP, isIPv6 } from "node:net";

/** Proxies by the scheme of what is asked for, in ARC's shape (ProxyConfig of the CRDs). */
export interface ProxyOptions {
  /** For http:// addresses. May hold user and password. */
  http?: string;
  /** For https:// addresses. May itself be an http:// or https:// address. */
  https?: string;
  /** Hosts that are reached directly: `host`, `.domain`, `*.domain`, `host:port`, IP, CIDR, `*`. */
  noProxy?: string[];
}

/** The proxy through which `url` is reached, or undefined for a direct connection. */
export function findProxy(url: URL, options: ProxyOptions | undefined): URL | undefined {
  const proxy = url.protocol === "https:" ? options?.https : options?.http;
  if (!proxy) return undefined;
  const host = hostOf(url);
  // As Go: what is on this machine is never asked for through a proxy.
  if (host === "localhost" || host.endsWith(".localhost") || isLoopback(host)) return undefined;
  const port = portOf(url);
  if (options?.noProxy?.some((entry) => excludes(entry.trim().toLowerCase(), host, port))) {
    return undefined;
  }
  return parseProxyUrl(proxy);
}

/** Checks a proxy's address. Throws an error that does not repeat it: it may hold a password. */
export function parseProxyUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === "http:" || url?.protocol === "https:") return url;
  throw new Error("a proxy's address must begin with http:// or https:// and name a host");
}

/** The Proxy-Authorization header for a proxy with user info. */
export function proxyHeaders(proxy: URL): Record<string, string> {
  if (!proxy.username) return {};
  const pair = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
  return { "proxy-authorization": `Basic ${Buffer.from(pair).toString("base64")}` };
}

/** The host without the brackets of an IPv6 address. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, "").toLowerCase();
}

export function portOf(url: URL): number {
  if (url.port) return Number(url.port);
  return url.protocol === "https:" ? 443 : 80;
}

function excludes(entry: string, host: string, port: number): boolean {
  if (entry === "*") return true;
  if (entry === "") return false;
  if (entry.includes("/")) return inRange(entry, host);
  const [name, entryPort] = splitPort(entry);
  if (entryPort !== undefined && entryPort !== port) return false;
  if (isIP(name)) return name === host;
  const domain = name.replace(/^\*?\./, "");
  if (host.endsWith(`.${domain}`)) return true;
  // `.domain` and `*.domain` mean what is below it, `domain` also the domain itself.
  return domain === name && host === domain;
}

function splitPort(entry: string): [string, number | undefined] {
  const bracketed = /^\[(.+)\](?::(\d+))?$/.exec(entry);
  if (bracketed?.[1]) return [bracketed[1], bracketed[2] ? Number(bracketed[2]) : undefined];
  if (isIP(entry)) return [entry, undefined];
  const parts = /^(.*):(\d+)$/.exec(entry);
  return parts?.[1] !== undefined ? [parts[1], Number(parts[2])] : [entry, undefined];
}

function inRange(cidr: string, host: string): boolean {
  const [network = "", bits = ""] = cidr.split("/");
  if (!isIP(host) || !isIP(network) || !/^\d{1,3}$/.test(bits)) return false;
  const family = (address: string) => (isIPv6(address) ? "ipv6" : "ipv4");
  if (Number(bits) > (isIPv6(network) ? 128 : 32)) return false;
  const list = new BlockList();
  list.addSubnet(network, Number(bits), family(network));
  return list.check(host, family(host));
}

function isLoopback(host: string): boolean {
  return host === "::1" || inRange("127.0.0.0/8", host);
}
