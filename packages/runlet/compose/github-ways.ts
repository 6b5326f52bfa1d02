// Why: each credential leads to its GitHub in its own way (a CA, a proxy), and whoever calls that GitHub takes it: the
// Actions Service's client as well as the sweep's questions. GitHub counts REST calls by the hour, so they are counted here.
import { createPrivateKey } from "node:crypto";
import { parseConfigUrl } from "@runlet/actions-service/config-url";
import { signAppJwt } from "@runlet/actions-service/credential";
import { readLimit, type RestAccess } from "@runlet/control-plane/sweep/rest";
import type { Credentials, ScopeCredential } from "@runlet/coordination/credentials";
import type { FindOptions } from "@runlet/coordination/secrets";
import type { Clock } from "@runlet/runtime/clock";
import type { Fetch } from "@runlet/runtime/fetch";
import type { MetricSink } from "@runlet/runtime/metrics";
import type { Random } from "@runlet/runtime/random";

export interface GithubWay {
  credential: ScopeCredential["credential"];
  fetch: Fetch;
}

export interface GithubWays {
  /** Undefined: the scope has no credential. Throws CredentialUnreadable. */
  find(configUrl: string, options?: FindOptions): Promise<GithubWay | undefined>;
  /** The same for the REST API. */
  findAccess(configUrl: string, options?: FindOptions): Promise<RestAccess | undefined>;
}

export interface WayDeps {
  clock: Clock;
  random: Random;
  metrics: MetricSink;
  credentials: Credentials;
  fetchFor(credential: ScopeCredential): Fetch;
}

/** Ways by scope; a way keeps its connections until the scope's CA or proxy changes. */
export function createGithubWays(deps: WayDeps): GithubWays {
  const kept = new Map<string, { mark: string; fetch: Fetch }>();
  async function find(configUrl: string, options?: FindOptions): Promise<GithubWay | undefined> {
    const found = await deps.credentials.find(configUrl, options);
    if (!found) return undefined;
    const { credential, ca = "", proxy = "" } = found;
    const { scopeKey, apiBase } = parseConfigUrl(configUrl);
    const mark = `${proxy} ${ca}`;
    const known = kept.get(scopeKey);
    if (known?.mark === mark) return { credential, fetch: known.fetch };
    const fetch = countCalls(deps.metrics, apiBase, deps.fetchFor(found));
    kept.set(scopeKey, { mark, fetch });
    return { credential, fetch };
  }
  return {
    find,
    async findAccess(configUrl, options) {
      const way = await find(configUrl, options);
      return way && toAccess(deps, configUrl, way);
    },
  };
}

function toAccess(
  { clock, random }: WayDeps,
  configUrl: string,
  { credential, fetch }: GithubWay,
): RestAccess {
  const { apiBase } = parseConfigUrl(configUrl);
  if (credential.kind === "pat") {
    const authorization = `Bearer ${credential.token}`;
    return { kind: "pat", fetch, authorization, proofUrl: `${apiBase}/rate_limit` };
  }
  const { appId, installationId, privateKey } = credential;
  const { jwt } = signAppJwt(appId, createPrivateKey(privateKey), {
    nowMs: clock.wallMs(),
    jti: random.uuid(),
  });
  const proofUrl = `${apiBase}/app/installations/${installationId}`;
  return { kind: "app", fetch, authorization: `Bearer ${jwt}`, proofUrl };
}

/** Counts what goes to the REST API; the Actions Service has no such limit. */
function countCalls(metrics: MetricSink, apiBase: string, fetch: Fetch): Fetch {
  return async (url, init) => {
    if (!url.startsWith(`${apiBase}/`)) return fetch(url, init);
    let result = "failed";
    try {
      const answer = await fetch(url, init);
      const limit = readLimit(answer);
      result = resultOf(answer.status, limit?.left);
      if (limit) metrics.observe("github-calls-left", (100 * limit.left) / limit.max);
      return answer;
    } finally {
      metrics.count("github-calls", 1, { result });
    }
  };
}

function resultOf(status: number, left: number | undefined): string {
  if (status === 429 || (status === 403 && left === 0)) return "limited";
  if (status === 401 || status === 403) return "refused";
  return status < 500 ? "answered" : "failed";
}
