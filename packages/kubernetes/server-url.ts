// Why: a cluster's address comes from a file that somebody was given; from it follows where a bearer token
// is sent. Only a plain https address is taken.
import { BlockList, isIP } from "node:net";

// A BlockList also finds an IPv4 address that is written as an IPv6 one.
const metadataAddresses = new BlockList();
metadataAddresses.addSubnet("169.254.0.0", 16, "ipv4");
metadataAddresses.addAddress("fd00:ec2::254", "ipv6");

/** The address as https://host:port or https://host/path without a slash at the end, or what is wrong. */
export function parseServerUrl(text: string): string | { reason: string; remedy: string } {
  const wrong = (reason: string) => ({
    reason: `server ${reason}`,
    remedy: "give it as https://HOST:PORT",
  });
  // new URL would quietly drop or turn these; an address has none of them.
  if (!/^[\x21-\x5b\x5d-\x7e]+$/.test(text)) return wrong("has a blank or an odd character");
  if (!URL.canParse(text)) return wrong("is no URL");
  const url = new URL(text);
  if (url.protocol === "http:") return wrong("is plain http: the token would be readable by all");
  if (url.protocol !== "https:") return wrong("is not https");
  if (url.username || url.password) return wrong("holds a user name or password");
  if (url.search || url.hash) return wrong("has a query or a fragment");
  // The metadata services of clouds: never a cluster, always a credential.
  if (isMetadataAddress(url.hostname)) return wrong("is a cloud's metadata address");
  return (url.origin + url.pathname).replace(/\/+$/, "");
}

function isMetadataAddress(host: string): boolean {
  const plain = host.replace(/^\[|\]$/g, "").replace(/\.$/, "");
  const family = isIP(plain);
  if (family === 0) return plain === "metadata.google.internal";
  return metadataAddresses.check(plain, family === 6 ? "ipv6" : "ipv4");
}
