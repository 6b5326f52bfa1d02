// Why: composes the protocol client for one config scope: ActionsService (service.ts) over an injected
// fetch, clock, chance, log and credential. Making one talks to nobody.
import type { Clock } from "@runlet/runtime/clock";
import type { Fetch } from "@runlet/runtime/fetch";
import type { Log } from "@runlet/runtime/log";
import type { Random } from "@runlet/runtime/random";
import { createAdminConnections } from "./admin-connection.ts";
import { isSecure, parseConfigUrl } from "./config-url.ts";
import { createGitHubTokens } from "./credential.ts";
import { createJobs } from "./jobs.ts";
import { createQueue } from "./message-queue.ts";
import { createSessions } from "./message-session.ts";
import { createRegistrar } from "./registrar.ts";
import { register } from "./registration.ts";
import { type SystemInfo, userAgent } from "./request.ts";
import { createRetryBudget } from "./retry-budget.ts";
import { createRunners } from "./runners.ts";
import { createScaleSets } from "./scale-sets.ts";
import { createServerTime } from "./server-time.ts";
import type { ActionsService, AdminConnectionStore, GitHubCredential } from "./service.ts";
import { shareConnection } from "./shared-connection.ts";

export interface ActionsServiceDeps {
  /** Carries CA and proxy; used for REST, service and queue alike. */
  fetch: Fetch;
  clock: Clock;
  random: Random;
  log: Log;
  /** Throws InvalidConfigUrl from createActionsService when it is none. */
  configUrl: string;
  /** Asked for at each registration, so that a rotated credential is picked up. `fresh`: GitHub has refused the last one. */
  credential: (options?: { fresh: boolean }) => Promise<GitHubCredential>;
  /** Absent: the admin connection is this client's own. */
  adminConnections?: AdminConnectionStore;
  system: SystemInfo;
  /** Time limit of a call, retries included; a poll has its own. */
  limitMs: number;
  /** Default time limit of a poll, ms; 65 000, since the service holds one for about 50 s. */
  pollLimitMs?: number;
  /** GITHUB_ACTIONS_FORCE_GHES: treat no host as hosted. */
  forceGhes?: boolean;
}

export function createActionsService(deps: ActionsServiceDeps): ActionsService {
  const { fetch, clock, random, log, system, limitMs } = deps;
  const config = parseConfigUrl(deps.configUrl, { forceGhes: deps.forceGhes ?? false });
  const serverTime = createServerTime({ clock, log });
  const budget = createRetryBudget();
  const calls = { fetch, clock, random, log, limitMs, budget, serverTime };
  const agent = userAgent(system);

  const tokens = createGitHubTokens({ ...calls, apiBase: config.apiBase, userAgent: agent });
  const registration = {
    ...calls,
    config,
    credential: deps.credential,
    tokens,
    userAgent: agent,
  };
  const { scopeKey } = config;
  const store = deps.adminConnections;
  const connections = createAdminConnections({
    clock,
    serverTime,
    shared: shareConnection({ clock, log, store, scopeKey, limitMs }),
    register: createRegistrar({
      clock,
      random,
      log,
      scopeKey,
      limitMs,
      register: (signal) => register(registration, signal),
    }),
  });
  const service = { ...calls, connections, system, isSecure: isSecure(config) };
  const queue = { ...calls, userAgent: agent, pollLimitMs: deps.pollLimitMs ?? 65_000 };
  return {
    ...createScaleSets(service),
    ...createSessions(service),
    ...createQueue(queue),
    ...createJobs(service),
    ...createRunners(service),
  };
}
