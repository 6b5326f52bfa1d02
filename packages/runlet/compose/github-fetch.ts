// Why: each credential leads to its GitHub in its own way (a CA of a GitHub Enterprise Server, a proxy), and polls, which
// are held for a minute, have connections apart from everything else.
import type { ScopeCredential } from "@runlet/coordination/credentials";
import type { Clock } from "@runlet/runtime/clock";
import type { Fetch } from "@runlet/runtime/fetch";
import { createHttpFetch } from "@runlet/runtime/http";
import type { ProxyOptions } from "@runlet/runtime/http-proxy";
import { keepPollsApart } from "./polls-apart.ts";

/** The way to GitHub for one credential. `proxy` is taken where the credential names none. */
export function createGithubFetch(
  clock: Clock,
  credential: ScopeCredential,
  proxy?: ProxyOptions,
): Fetch {
  const { ca, proxy: own } = credential;
  const through = own ? { http: own, https: own } : proxy;
  const way = { clock, ...(ca && { extraCa: [ca] }), ...(through && { proxy: through }) };
  return keepPollsApart(createHttpFetch(way), createHttpFetch(way));
}
