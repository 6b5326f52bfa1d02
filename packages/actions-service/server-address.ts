// Why: the service tells where it is to be called, and where a scale set's messages are; tokens are sent there. A server
// that is reached over TLS has no reason to send anybody elsewhere without it.
import { isHttpUrl, Unreadable } from "./wire.ts";

/** GitHub's have some hundred characters. */
const lengthMax = 4_096;

/**
 * The address `url` of an answer's field `name`; `isSecure`: the config URL is https. Throws Unreadable, which names
 * the field but never its value.
 */
export function checkServerAddress(name: string, url: string, isSecure: boolean): string {
  if (url.length > lengthMax) throw new Unreadable(`${name}: has ${url.length} characters`);
  if (!isHttpUrl(url)) throw new Unreadable(`${name}: is no http(s) URL`);
  const { protocol, username, password } = new URL(url);
  if (username || password) throw new Unreadable(`${name}: contains credentials`);
  if (isSecure && protocol !== "https:") {
    throw new Unreadable(`${name}: is http, although the config URL is https`);
  }
  return url;
}
