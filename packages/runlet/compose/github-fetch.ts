// Why: each credential leads to its GitHub in its own way (a CA of a GitHub Enterprise Server, a proxy), and polls, which
// are held for a minute, have connections apart from everything else.
import type { ScopeCredential } from "@runlet/coordination/credentials";
import type { Clock } from "@runlet/runtime/clock";
import type { Fetch } from "@runlet/runtime/fetch";
import { createHttpFetch, type HttpFetchOptions } from "@runlet/runtime/http";
import { keepPollsApart } from "./polls-apart.ts";

/** The way to GitHub for one credential, whose proxy goes before the deployment's. */
export function createGithubFetch(
  clock: Clock,
  { ca, proxy }: ScopeCredential,
  deployment: Pick<HttpFetchOptions, "guard" | "proxy"> = {},
): Fetch {
  const way = {
    clock,
    ...deployment,
    ...(ca && { extraCa: [ca] }),
    ...(proxy && { proxy: { http: proxy, https: proxy } }),
  };
  return keepPollsApart(createHttpFetch(way), createHttpFetch(way));
}
