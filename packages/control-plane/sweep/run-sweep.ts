// Why: each minute, one look at everything that could have been missed: new sets, shards nobody serves, looks
// that are due, clusters nobody watches. Finding nothing is the usual result, and writes nothing.
import type { Clock } from "@runlet/runtime/clock";
import { withDeadline } from "@runlet/runtime/deadline";
import { describeError } from "@runlet/runtime/log";
import type { MetricSink } from "@runlet/runtime/metrics";
import type { Settings } from "@runlet/runtime/settings";
import { remedies } from "../remedies.ts";
import { checkCredentials, type CheckedScopes, type CredentialDeps } from "./check-credentials.ts";
import { discover, type DiscoverDeps } from "./discover.ts";
import type { FollowDeps } from "./follow-failure.ts";
import { findUnowned, type ListedScopes, type UnownedDeps } from "./find-unowned.ts";
import { findUnserved, type Unserved, type UnservedDeps } from "./find-unserved.ts";
import { redeliver, type RedeliverDeps } from "./redeliver.ts";
import { listFacts, tellOwners, type ToldFacts } from "./tell-owners.ts";
import { wakeEach } from "./wake-each.ts";

export interface SweepDeps
  extends DiscoverDeps, UnservedDeps, RedeliverDeps, CredentialDeps, UnownedDeps, FollowDeps {
  clock: Clock;
  metrics: MetricSink;
  settings: Settings;
  /** What earlier sweeps have asked GitHub; a container's memory, and no more than economy. */
  asked: { credentials: CheckedScopes; scaleSets: ListedScopes };
  /** What owners were told, in the same memory. */
  told: ToldFacts;
}

export interface SweepReport {
  scaleSets: number;
  silentClusters: string[];
  woken: Unserved[];
  /** Failed webhooks that GitHub was asked to send again. */
  redelivered: number;
}

/**
 * One sweep; its parts go side by side, since a cluster or a GitHub that hangs must keep nobody asleep. Ends within the
 * lease length plus a few calls. Rejects when the table or the signal ends it.
 */
export async function runSweep(deps: SweepDeps, signal: AbortSignal): Promise<SweepReport> {
  const { clock, metrics, asked } = deps;
  const startedAt = clock.nowMs();
  const stored = await deps.registry.listScaleSets();
  const known = stored.map(({ row }) => row);
  // What is new is woken by whoever finds it.
  const looked = discover(deps, stored);
  const parts = Promise.all([
    wakeUnserved(deps, known, signal),
    part(deps, "redeliver", () => redeliver(deps)),
    part(deps, "credentials", () => checkCredentials(deps, known, asked.credentials)),
    part(deps, "unowned", () => findUnowned(deps, known, asked.scaleSets)),
  ]);
  await Promise.allSettled([looked, parts]);
  const found = await looked;
  const { rows, silent } = found;
  const [woken, redelivered = 0] = await parts;
  await Promise.all([
    part(deps, "probe", () => probe(deps, silent)),
    part(deps, "tell", () =>
      tellOwners(deps, listFacts(found, asked.credentials), { uids: found.uids, told: deps.told }),
    ),
  ]);
  metrics.observe("scale-sets", rows.length);
  metrics.observe("sweep-time", clock.nowMs() - startedAt);
  if (woken.length + redelivered === 0) metrics.count("sweeps-empty");
  return { scaleSets: rows.length, silentClusters: silent, woken, redelivered };
}

async function wakeUnserved(
  deps: SweepDeps,
  rows: Parameters<typeof findUnserved>[1],
  signal: AbortSignal,
): Promise<Unserved[]> {
  const { metrics, log } = deps;
  const woken = await findUnserved(deps, rows, signal);
  await wakeEach(deps, woken);
  for (const { why } of woken) metrics.count("sweep-wakes", 1, { why });
  const unserved = woken.filter(({ why }) => withoutHolder.has(why));
  if (unserved.length > 0) metrics.observe("shards-unserved", unserved.length);
  if (woken.length > 0) log.info("sweep_woke", { woken });
  return woken;
}

const withoutHolder = new Set<Unserved["why"]>(["never-served", "released", "lease-ran-out"]);

/** What is of use, but must not hold up or fail a sweep: it has a few calls' time. */
async function part<T>(
  { clock, log, metrics, settings }: SweepDeps,
  name: string,
  run: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await withDeadline(clock, 3 * settings.effectTimeoutMs, undefined, run);
  } catch (error) {
    log.warn("sweep_part_failed", { part: name, error: describeError(error) });
    metrics.count("sweep-parts-failed", 1, { part: name });
    return undefined;
  }
}

/** A silent cluster is asked the cheapest question: does it answer and refuse, or not at all? */
async function probe(deps: SweepDeps, silent: readonly string[]): Promise<void> {
  await Promise.all(
    silent.map(async (cluster) => {
      deps.metrics.count("clusters-silent", 1, { cluster });
      try {
        const client = await deps.findCluster(cluster);
        const limitMs = deps.settings.effectTimeoutMs;
        await withDeadline(deps.clock, limitMs, undefined, (signal) =>
          client ? client.version({ signal }) : Promise.reject(new Error("no access")),
        );
        deps.log.warn("cluster_answers_but_refuses", {
          cluster,
          remedy: remedies.refuses(cluster),
        });
      } catch (error) {
        deps.log.error("cluster_unreachable", {
          cluster,
          error,
          remedy: remedies.unreachable(cluster),
        });
      }
    }),
  );
}
