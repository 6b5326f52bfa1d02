// Why: the parts of the simulator as one value, so that each file of routes names only what it
// uses.
import type { Clock } from "@runlet/runtime/clock";
import type { Log } from "@runlet/runtime/log";
import type { Random } from "@runlet/runtime/random";
import { createEvents, type Events } from "./events.ts";
import { createFaults, type Faults } from "./faults.ts";
import { createJobDesk, type JobDesk } from "./job-desk.ts";
import { defaultKnobs, type Knobs, type Mode } from "./knobs.ts";
import { createPolls, type Polls } from "./polls.ts";
import { createRequests, type Requests } from "./requests.ts";
import { createRunnerDesk, type RunnerDesk } from "./runner-desk.ts";
import { createScaleSets, type ScaleSets } from "./scale-sets.ts";
import { createSessions, type Sessions } from "./sessions.ts";
import { createTokens, type Tokens } from "./tokens.ts";
import { createWebhooks, type Deliver, type Webhooks } from "./webhooks.ts";

export interface SimulatorDeps {
  clock: Clock;
  random: Random;
  log?: Log;
  /** Sends a webhook; resolves to the receiver's status, rejects if it cannot be reached. */
  deliver?: Deliver;
}

export interface SimulatorOptions {
  mode: Mode;
  /** The one PAT that is good, for every organisation. */
  pat?: string;
  /** A GitHub App that is good for every organisation. */
  app?: {
    /** App id and client id: either may be the issuer of its JWT. */
    ids: string[];
    installationIds: number[];
    /** PEM of the public key. */
    publicKey: string;
  };
  /** Where the service says it is; default: where the request that asks reached it. */
  baseUrl?: string;
  webhook?: { url: string; secret: string };
  knobs?: Partial<Knobs>;
}

export interface Simulation {
  clock: Clock;
  random: Random;
  log: Log | undefined;
  options: SimulatorOptions;
  knobs: () => Knobs;
  setKnobs: (knobs: Knobs) => void;
  events: Events;
  tokens: Tokens;
  desk: JobDesk;
  runnerDesk: RunnerDesk;
  scaleSets: ScaleSets;
  sessions: Sessions;
  polls: Polls;
  faults: Faults;
  requests: Requests;
  webhooks: Webhooks;
  /** REST calls of each token in its hour. */
  restCalls: Map<string, { used: number; resetAt: number }>;
  /** By owner: the origin of the config URL under which somebody registered for it. */
  webUrls: Map<string, string>;
  /** A small number for a scope: its tenant in the service's address. */
  tenant: (scope: string) => number;
}

export function createSimulation(deps: SimulatorDeps, options: SimulatorOptions): Simulation {
  const { clock, random } = deps;
  let current: Knobs = { ...defaultKnobs(options.mode), ...options.knobs };
  const knobs = () => current;
  const tenants = new Map<string, number>();
  const webUrls = new Map<string, string>();
  const webUrlOf = (owner: string) =>
    webUrls.get(owner.toLowerCase()) ?? options.baseUrl ?? "https://github.com";
  const events = createEvents(() => clock.nowMs());
  const tokens = createTokens({ clock, random });
  const desk = createJobDesk({ clock, events, knobs }, options.mode);
  const scaleSets = createScaleSets({ clock, events, desk, knobs });
  const sessions = createSessions({ clock, random, events, tokens, knobs });
  return {
    clock,
    random,
    log: deps.log,
    options,
    knobs,
    setKnobs: (next) => void (current = next),
    events,
    tokens,
    desk,
    runnerDesk: createRunnerDesk({ clock, random, events, tokens, desk, knobs }),
    scaleSets,
    sessions,
    polls: createPolls({ clock, events, desk, scaleSets, sessions, knobs }),
    faults: createFaults({ random }),
    requests: createRequests(() => current.requestsKept),
    webhooks: createWebhooks({ ...deps, events, knobs, webhook: options.webhook, webUrlOf }),
    restCalls: new Map(),
    webUrls,
    tenant(scope) {
      const number = tenants.get(scope) ?? tenants.size + 1;
      tenants.set(scope, number);
      return number;
    },
  };
}
