// Why: a cluster's address is what somebody registered, or a name that a DNS server answers for; a function that follows
// it blindly can be sent to the credentials of its own machine (server-side request forgery). So in the cloud an address
// is looked at when it is dialled, after its name was resolved.
import { lookup as resolve } from "node:dns";
import { BlockList, isIP, type LookupFunction } from "node:net";
import { TransportError } from "./http-error.ts";

/** What speaks against connecting to an IP address; undefined: nothing. */
export type AddressGuard = (address: string) => string | undefined;

type Range = [network: string, bits: number];

/** Metadata services of clouds (EC2, ECS, EKS Pod Identity, GCP, Azure: link-local; Alibaba's and EC2's IPv6 ones). */
const metadata = createList(
  [
    ["169.254.0.0", 16],
    ["100.100.100.200", 32],
  ],
  [
    ["fd00:ec2::", 32],
    ["64:ff9b::a9fe:0", 112],
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
    ["64:ff9b::7f00:0", 104],
  ],
);
const noHost = createList(
  [
    ["224.0.0.0", 4],
    ["240.0.0.0", 4],
  ],
  [
    ["fe80::", 10],
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

/** A BlockList also finds an IPv4 address that is written as an IPv6 one. */
function isIn(list: BlockList, address: string): boolean {
  const family = isIP(address);
  return family !== 0 && list.check(address, family === 6 ? "ipv6" : "ipv4");
}
