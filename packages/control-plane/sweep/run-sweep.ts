// Why: each minute, one look at everything that could have been missed: new sets, shards nobody serves, looks
// that are due, clusters nobody watches. Finding nothing is the usual result, and writes nothing.
import type { Clock } from "@runlet/runtime/clock";
import { withDeadline } from "@runlet/runtime/deadline";
import type { Settings } from "@runlet/runtime/settings";
import { discover, type DiscoverDeps } from "./discover.ts";
import { redeliver, type RedeliverDeps } from "./redeliver.ts";
import { findUnserved, type Unserved, type UnservedDeps } from "./find-unserved.ts";
import { wakeEach } from "./wake-each.ts";

export interface SweepDeps extends DiscoverDeps, UnservedDeps, RedeliverDeps {
  clock: Clock;
  settings: Settings;
}

export interface SweepReport {
  scaleSets: number;
  silentClusters: string[];
  woken: Unserved[];
  /** Failed webhooks that GitHub was asked to send again. */
  redelivered: number;
}

/** One sweep; ends within the lease length plus a few calls. */
export async function runSweep(deps: SweepDeps, signal: AbortSignal): Promise<SweepReport> {
  const { rows, silent, clusters } = await discover(deps);
  await probeUnwatched(
    deps,
    clusters.map(({ name }) => name),
    new Set(silent),
  );
  const [woken, redelivered] = await Promise.all([
    findUnserved(deps, rows, signal),
    redeliver(deps),
  ]);
  await wakeEach(deps, woken);
  if (woken.length > 0) deps.log.info("sweep_woke", { woken });
  return { scaleSets: rows.length, silentClusters: silent, woken, redelivered };
}

/** A cluster that answered the lists has been probed by them; a silent one is asked the cheapest question. */
async function probeUnwatched(deps: SweepDeps, names: string[], silent: Set<string>) {
  await Promise.all(
    names
      .filter((name) => silent.has(name))
      .map(async (cluster) => {
        try {
          const client = await deps.findCluster(cluster);
          const limitMs = deps.settings.effectTimeoutMs;
          await withDeadline(deps.clock, limitMs, undefined, (signal) =>
            client ? client.version({ signal }) : Promise.reject(new Error("no access")),
          );
          deps.log.warn("cluster_answers_but_refuses", { cluster });
        } catch (error) {
          deps.log.error("cluster_unreachable", { cluster, error });
        }
      }),
  );
}
