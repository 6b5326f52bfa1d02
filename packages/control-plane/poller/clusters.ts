// Why: one watch per cluster and kind serves every scale set of the shard; min, max, status and "who owns what"
// come from here, so a changed spec acts at once and no turn lists anything.
import type { ClusterRow } from "@runlet/coordination/registry";
import { targetKey, type TargetRef } from "@runlet/domain/target";
import type { PollerDeps } from "./deps.ts";
import { watchCluster, type WatchedCluster } from "./watch-cluster.ts";

export interface Clusters {
  /** Begins to watch every cluster of `rows` that is not watched yet, and notes which are to be emptied. */
  watch(rows: readonly ClusterRow[]): void;
  find(name: string): WatchedCluster | undefined;
  /** A person removes it, or has: its targets stay known until the next look at the clusters. */
  isDraining(name: string): boolean;
  /** Resolves when every cluster's first lists are in, or after `limitMs`. */
  ready(limitMs: number, signal: AbortSignal): Promise<void>;
  /** Called with a target's key when something about it changed; "" = about all targets of all clusters. */
  onChange(listener: (key: string) => void): () => void;
}

export function createClusters(deps: PollerDeps, signal: AbortSignal): Clusters {
  const watched = new Map<string, WatchedCluster>();
  const listeners = new Set<(key: string) => void>();
  const tell = (key: string) => listeners.forEach((listener) => listener(key));
  let served: string[] = [];

  return {
    watch(rows) {
      for (const row of rows) {
        if (watched.has(row.name)) continue;
        const changed = (target?: Omit<TargetRef, "cluster">) =>
          tell(target ? targetKey({ cluster: row.name, ...target }) : "");
        watched.set(row.name, watchCluster(deps, row, signal, changed));
      }
      const before = served.join();
      served = rows.flatMap(({ name, draining }) => (draining ? [] : name));
      if (served.join() !== before) tell("");
    },
    isDraining: (name) => !served.includes(name),
    find: (name) => watched.get(name),
    async ready(limitMs, until) {
      const limit = new AbortController();
      const all = Promise.all([...watched.values()].map((cluster) => cluster.ready()));
      const wait = deps.clock.sleep(limitMs, AbortSignal.any([limit.signal, until]));
      await Promise.race([all, wait]).catch(() => {});
      limit.abort(new Error("ready"));
      await wait.catch(() => {});
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
