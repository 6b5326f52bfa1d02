// Why: a cluster's address comes from a file that somebody was given; from it follows where a bearer token
// is sent. Only a plain https address is taken.
import { isIP } from "node:net";
import { createAddressGuard } from "@runlet/runtime/address-guard";

// Loopback is a cluster's address on a laptop; in the cloud it is refused when it is dialled.
const guard = createAddressGuard({ allowLoopback: true });

/** A host's name has 253 characters at most. */
const lengthMax = 1_000;

/** The address as https://host:port or https://host/path without a slash at the end, or what is wrong. */
export function parseServerUrl(text: string): string | { reason: string; remedy: string } {
  const wrong = (reason: string) => ({
    reason: `server ${reason}`,
    remedy: "give it as https://HOST:PORT",
  });
  if (text.length > lengthMax) return wrong(`has ${text.length} characters`);
  // new URL would quietly drop or turn these; an address has none of them.
  if (!/^[\x21-\x5b\x5d-\x7e]+$/.test(text)) return wrong("has a blank or an odd character");
  if (!URL.canParse(text)) return wrong("is no URL");
  const url = new URL(text);
  if (url.protocol === "http:") return wrong("is plain http: the token would be readable by all");
  if (url.protocol !== "https:") return wrong("is not https");
  if (url.username || url.password) return wrong("holds a user name or password");
  if (url.search || url.hash) return wrong("has a query or a fragment");
  const host = url.hostname.replace(/^\[|\]$/g, "").replace(/\.$/, "");
  if (host === "metadata.google.internal") return wrong("is a cloud's metadata address");
  const refused = isIP(host) ? guard(host) : undefined;
  if (refused) return wrong(`is ${refused}`);
  return (url.origin + url.pathname).replace(/\/+$/, "");
}
