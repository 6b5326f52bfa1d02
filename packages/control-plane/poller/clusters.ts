// Why: one watch per cluster and kind serves every scale set of the shard; min, max, status and "who owns what"
// come from here, so a changed spec acts at once and no turn lists anything.
import type { ClusterRow } from "@runlet/coordination/registry";
import { targetKey, type TargetRef } from "@runlet/domain/target";
import type { PollerDeps } from "./deps.ts";
import { race } from "./race.ts";
import { watchCluster, type WatchedCluster } from "./watch-cluster.ts";

export interface Clusters {
  /** Begins to watch every cluster of `rows` that is not watched yet, and notes which are to be emptied. */
  watch(rows: readonly ClusterRow[]): void;
  find(name: string): WatchedCluster | undefined;
  /** A person removes it, or has: its targets stay known until the next look at the clusters. */
  isDraining(name: string): boolean;
  /**
   * Resolves when the first lists of these clusters are in; one that has been watched for an effect time-out without
   * an answer is not waited for.
   */
  ready(names: readonly string[], signal: AbortSignal): Promise<void>;
  /** Called with a target's key when something about it changed; "" = about all targets of all clusters. */
  onChange(listener: (key: string) => void): () => void;
}

export function createClusters(deps: PollerDeps, signal: AbortSignal): Clusters {
  const watched = new Map<string, WatchedCluster>();
  const heard = new Map<string, Promise<void>>();
  const listeners = new Set<(key: string) => void>();
  const tell = (key: string) => listeners.forEach((listener) => listener(key));
  let served: string[] = [];

  return {
    watch(rows) {
      for (const row of rows) {
        if (watched.has(row.name)) continue;
        const changed = (target?: Omit<TargetRef, "cluster">) =>
          tell(target ? targetKey({ cluster: row.name, ...target }) : "");
        const cluster = watchCluster(deps, row, signal, changed);
        watched.set(row.name, cluster);
        heard.set(row.name, listedInTime(deps, cluster, signal));
      }
      const before = served.join();
      served = rows.flatMap(({ name, draining }) => (draining ? [] : name));
      if (served.join() !== before) tell("");
    },
    isDraining: (name) => !served.includes(name),
    find: (name) => watched.get(name),
    ready: (names, until) =>
      race(until, Promise.all(names.flatMap((name) => heard.get(name) ?? []))),
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** The time runs from when its watch began: a dead cluster delays nobody who comes later, as after a hand-over. */
async function listedInTime(
  { clock, settings }: PollerDeps,
  cluster: WatchedCluster,
  signal: AbortSignal,
): Promise<void> {
  const limit = new AbortController();
  const wait = clock.sleep(settings.effectTimeoutMs, AbortSignal.any([limit.signal, signal]));
  await Promise.race([cluster.ready(), wait]).catch(() => {});
  limit.abort(new Error("its lists are in"));
  await wait.catch(() => {});
}
