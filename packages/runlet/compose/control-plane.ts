// Why: poller and sweep, put together once, in one readable place, from the few ports that differ between the cloud, a
// process on this machine and a story under virtual time. Whatever an invocation can touch comes in here. The
// webhook has a composition of its own (webhook.ts), since its bundle must not hold all this.
import { createActionsService } from "@runlet/actions-service/client";
import { parseConfigUrl } from "@runlet/actions-service/config-url";
import type { ActionsService } from "@runlet/actions-service/service";
import { createAdminConnections } from "@runlet/coordination/admin-connections";
import { createCheckpoints, forgetCheckpoint } from "@runlet/coordination/checkpoints";
import type { Cipher } from "@runlet/coordination/cipher";
import type { Credentials, ScopeCredential } from "@runlet/coordination/credentials";
import { createDeliveries } from "@runlet/coordination/deliveries";
import { findOrCreateInstallation } from "@runlet/coordination/installation";
import type { Invoker } from "@runlet/coordination/invoker";
import { createLeases } from "@runlet/coordination/lease";
import { createRegistry } from "@runlet/coordination/registry";
import type { Table } from "@runlet/coordination/table";
import { createTimelines } from "@runlet/coordination/timelines";
import { createWakes } from "@runlet/coordination/wake";
import type { PollerDeps } from "@runlet/control-plane/poller/deps";
import { discover } from "@runlet/control-plane/sweep/discover";
import type { SweepDeps } from "@runlet/control-plane/sweep/run-sweep";
import type { Clock } from "@runlet/runtime/clock";
import type { Fetch } from "@runlet/runtime/fetch";
import type { Log } from "@runlet/runtime/log";
import type { MetricSink } from "@runlet/runtime/metrics";
import type { Random } from "@runlet/runtime/random";
import type { Settings } from "@runlet/runtime/settings";
import { createClusterFinder, type ClusterFinderDeps } from "./cluster-finder.ts";
import { createGithubWays, type GithubWays } from "./github-ways.ts";
import { noteNews } from "./notes.ts";
import { createWebhookSources, type Webhook } from "./webhook-sources.ts";

/** Everything outside of an invocation. */
export interface Ports {
  clock: Clock;
  random: Random;
  log: Log;
  table: Table;
  invoker: Invoker;
  credentials: Credentials;
  /** The way to GitHub for one credential (its CA, its proxy). */
  fetchFor(credential: ScopeCredential): Fetch;
  /** The way into a registered cluster. */
  accessTo: ClusterFinderDeps["accessTo"];
  /** Webhooks whose failed deliveries the sweep has sent again. */
  webhooks?: readonly Webhook[];
  /** Seals what is at rest: a shard's sessions, and under `adminKey` the admin connections. */
  cipherFor(shard: string): Cipher;
  metrics: MetricSink;
  settings: Settings;
}

export interface ControlPlane {
  pollerFor(shard: string): PollerDeps;
  sweep: SweepDeps;
}

const version = "0.1.0";

/** No shard has this name: what poller and sweep share is sealed under it. */
export const adminKey = "admin";

/** Puts the control plane together. Makes one read (and, the first time, one write) of the table. */
export async function composeControlPlane(ports: Ports): Promise<ControlPlane> {
  const { clock, random, log, table, settings } = ports;
  const base = { table, clock, random };
  const installation = await findOrCreateInstallation(base);
  const leases = createLeases({ ...base, log, installation, settings });
  const registry = createRegistry({ ...base, log });
  const wakes = createWakes({ ...base, invoker: ports.invoker, leases });
  const timelines = createTimelines({ ...base, log });
  // Whoever waits for another's connection must still have time to make one within a call's limit.
  const claimMs = settings.effectTimeoutMs / 2;
  const cipher = ports.cipherFor(adminKey);
  const adminConnections = createAdminConnections({ ...base, cipher, log, claimMs });
  const ways = createGithubWays(ports);
  const services = createServiceFinder(ports, ways, adminConnections);
  const clusters = createClusterFinder({
    ...ports,
    registry,
    userAgent: `runlet-control-plane/${version}`,
  });
  const sweep: SweepDeps = {
    clock,
    random,
    invoker: ports.invoker,
    log,
    settings,
    registry,
    leases,
    wakes,
    findCluster: clusters.find,
    findService: services.find,
    deliveries: createDeliveries(base),
    sources: createWebhookSources(ways, ports.webhooks ?? []),
    savedUntil: new Map(),
    findAccess: ways.findAccess,
    metrics: ports.metrics,
    asked: { credentials: new Map(), scaleSets: new Map() },
    told: new Map(),
    forget: (scaleSetKey) => forgetCheckpoint(base, scaleSetKey),
  };
  const pollerFor = (shard: string): PollerDeps => ({
    clock,
    random,
    log,
    metrics: ports.metrics,
    settings,
    leases,
    checkpoints: createCheckpoints({ ...base, cipher: ports.cipherFor(shard) }),
    registry,
    wakes,
    services,
    clusters,
    invoker: ports.invoker,
    noticed: async () => void (await discover(sweep)),
    timelines: noteNews(timelines, registry),
  });
  return { pollerFor, sweep };
}

/** One client a scope, kept while the container is warm. */
function createServiceFinder(
  ports: Ports,
  ways: GithubWays,
  adminConnections: ReturnType<typeof createAdminConnections>,
) {
  const kept = new Map<string, ActionsService>();
  return {
    async find(configUrl: string): Promise<ActionsService | undefined> {
      const { scopeKey } = parseConfigUrl(configUrl);
      const known = kept.get(scopeKey);
      if (known) return known;
      const found = await ways.find(configUrl);
      if (!found) return undefined;
      // Two hundred loops ask at once; each client would have connections and a registration of its own.
      const faster = kept.get(scopeKey);
      if (faster) return faster;
      const { clock, random, log, settings } = ports;
      const service = createActionsService({
        clock,
        random,
        log,
        configUrl,
        adminConnections,
        // Its CA or proxy may be changed while the container is warm; one that cannot be read changes nothing.
        fetch: async (url, init) => {
          const way = (await ways.find(configUrl).catch(() => undefined)) ?? found;
          return way.fetch(url, init);
        },
        credential: async (options) =>
          (await ways.find(configUrl, options))?.credential ?? found.credential,
        system: { name: "runlet", version, subsystem: "poller" },
        limitMs: settings.effectTimeoutMs,
        pollLimitMs: settings.pollTimeoutMs,
      });
      kept.set(scopeKey, service);
      return service;
    },
  };
}
