// Why: a cluster's address is what somebody registered, or a name that a DNS server answers for; a function that follows
// it blindly can be sent to the credentials of its own machine (server-side request forgery). So in the cloud an address
// is looked at when it is dialled, after its name was resolved.
import { lookup as resolve } from "node:dns";
import { BlockList, isIP, type LookupFunction } from "node:net";
import { TransportError } from "./http-error.ts";

/** What speaks against connecting to an IP address; undefined: nothing. */
export type AddressGuard = (address: string) => string | undefined;

type Range = [network: string, bits: number];

/**
 * Metadata services of clouds (EC2, ECS, EKS Pod Identity, GCP, Azure: link-local; Alibaba's, Oracle's, Azure's WireServer;
 * EC2's and GCP's over IPv6).
 */
const metadata = createList(
  [
    ["169.254.0.0", 16],
    ["100.100.100.200", 32],
    ["192.0.0.192", 32],
    ["168.63.129.16", 32],
  ],
  [
    ["fd00:ec2::", 32],
    ["fd20:ce::254", 128],
  ],
);
const thisMachine = createList(
  [
    ["127.0.0.0", 8],
    ["0.0.0.0", 8],
  ],
  [
    ["::1", 128],
    ["::", 128],
  ],
);
const noHost = createList(
  [
    ["224.0.0.0", 4],
    ["240.0.0.0", 4],
  ],
  [
    ["fe80::", 10],
    ["fec0::", 10],
    ["ff00::", 8],
  ],
);

/**
 * Refuses metadata services, this machine, and what is no host (link-local, multicast, reserved). Private networks
 * pass: clusters live there. `allowLoopback` is for a run on one machine.
 */
export function createAddressGuard(options: { allowLoopback?: boolean } = {}): AddressGuard {
  return (address) => {
    if (isIn(metadata, address)) return "a cloud's metadata address";
    if (isIn(noHost, address)) return "no address of a host";
    if (!options.allowLoopback && isIn(thisMachine, address)) return "this machine's own address";
    return undefined;
  };
}

/** Throws when `host` is itself an address that is refused. */
export function checkLiteral(guard: AddressGuard, host: string): void {
  const reason = isIP(host) ? guard(host) : undefined;
  if (reason) throw refused(host, reason);
}

/** node:dns's lookup, which fails for a name as soon as one of its addresses is refused. */
export function guardedLookup(
  guard: AddressGuard,
  lookup: typeof resolve = resolve,
): LookupFunction {
  return (host, options, answer) => {
    lookup(host, { ...options, all: true }, (error, found) => {
      if (error) return answer(error, "");
      for (const { address } of found) {
        const reason = guard(address);
        if (reason) return answer(refused(host, `${address}, ${reason}`), "");
      }
      const [first] = found;
      if (options.all || !first) return answer(null, found);
      answer(null, first.address, first.family);
    });
  };
}

function refused(host: string, reason: string): TransportError {
  return new TransportError(`${host} is ${reason}: refused`, "ADDRESS_REFUSED");
}

function createList(v4: Range[], v6: Range[]): BlockList {
  const list = new BlockList();
  for (const [network, bits] of v4) list.addSubnet(network, bits, "ipv4");
  for (const [network, bits] of v6) list.addSubnet(network, bits, "ipv6");
  return list;
}

function isIn(list: BlockList, address: string): boolean {
  const family = isIP(address);
  if (family === 0) return false;
  if (list.check(address, family === 6 ? "ipv6" : "ipv4")) return true;
  const inner = family === 6 ? innerAddress(address) : undefined;
  return inner !== undefined && list.check(inner, "ipv4");
}

/** Where an IPv6 address holds an IPv4 one that routers or kernels unpack: the prefix, and the word it begins at. */
const holders: readonly [prefix: string, bits: number, word: number][] = [
  ["::", 96, 6], // IPv4-compatible (RFC 4291)
  ["::ffff:0:0", 96, 6], // IPv4-mapped (RFC 4291)
  ["::ffff:0:0:0", 96, 6], // IPv4-translated (RFC 2765)
  ["64:ff9b::", 96, 6], // NAT64 (RFC 6052)
  ["64:ff9b:1::", 48, 6], // NAT64 of a network's own (RFC 8215), as most use it
  ["2002::", 16, 1], // 6to4 (RFC 3056)
];
const lists = holders.map(([prefix, bits, word]) => ({
  list: createList([], [[prefix, bits]]),
  word,
}));

function innerAddress(address: string): string | undefined {
  const holder = lists.find(({ list }) => list.check(address, "ipv6"));
  if (!holder) return undefined;
  const words = expand(address);
  const [high = 0, low = 0] = words.slice(holder.word, holder.word + 2);
  return [high >> 8, high & 255, low >> 8, low & 255].join(".");
}

/** The eight words of an IPv6 address, whatever its spelling. */
function expand(address: string): number[] {
  // The URL parser writes it without dots and zeros in one way only; a zone (%eth0) is not its business.
  const host = new URL(`http://[${address.replace(/%.*$/, "")}]`).hostname.slice(1, -1);
  const [head = "", tail] = host.split("::");
  const parse = (text = "") =>
    text.split(":").flatMap((word) => (word ? [parseInt(word, 16)] : []));
  const [first, last] = [parse(head), parse(tail)];
  return [...first, ...Array<number>(8 - first.length - last.length).fill(0), ...last];
}
