// Why: one watch per cluster and kind serves every scale set of the shard; min, max, status and "who owns what"
// come from here, so a changed spec acts at once and no turn lists anything.
import type { ClusterRow } from "@runlet/coordination/registry";
import { targetKey, type TargetRef } from "@runlet/domain/target";
import type { PollerDeps } from "./deps.ts";
import { race } from "./race.ts";
import { watchCluster, type WatchedCluster } from "./watch-cluster.ts";

export interface Clusters {
  /**
   * Makes what is watched what `rows` say, and notes which clusters are to be emptied. One whose access or namespaces
   * are others now is watched anew beside the old watch, which ends when the new lists are in (an effect time-out at
   * most); one without a row is watched no more.
   */
  watch(rows: readonly ClusterRow[]): void;
  find(name: string): WatchedCluster | undefined;
  /** A person removes it. */
  isDraining(name: string): boolean;
  /**
   * Resolves when the first lists of these clusters are in; one that has been watched for an effect time-out without
   * an answer is not waited for.
   */
  ready(names: readonly string[], signal: AbortSignal): Promise<void>;
  /** Called with a target's key when something about it changed; "" = about all targets of all clusters. */
  onChange(listener: (key: string) => void): () => void;
}

interface Watch {
  row: ClusterRow;
  cluster: WatchedCluster;
  /** Its lists are in, or are waited for no longer. */
  heard: Promise<void>;
  stop(): void;
}

export function createClusters(deps: PollerDeps, signal: AbortSignal): Clusters {
  const watched = new Map<string, Watch>();
  /** Those that will replace a watch of the same cluster. */
  const coming = new Map<string, Watch>();
  const listeners = new Set<(key: string) => void>();
  const tell = (key: string) => listeners.forEach((listener) => listener(key));
  let served: string[] = [];

  function begin(row: ClusterRow): Watch {
    const end = new AbortController();
    const until = AbortSignal.any([signal, end.signal]);
    const changed = (target?: Omit<TargetRef, "cluster">) =>
      tell(target ? targetKey({ cluster: row.name, ...target }) : "");
    const cluster = watchCluster(deps, row, until, changed);
    const heard = listedInTime(deps, cluster, until);
    const stop = () =>
      end.abort(new Error(`cluster ${row.name} is not watched in this way any more`));
    return { row, cluster, heard, stop };
  }

  function drop(from: Map<string, Watch>, name: string): void {
    from.get(name)?.stop();
    from.delete(name);
  }

  function replace(row: ClusterRow): void {
    deps.log.info("cluster_access_changed", { cluster: row.name });
    const next = begin(row);
    coming.set(row.name, next);
    void next.heard.then(() => {
      if (coming.get(row.name) !== next) return;
      coming.delete(row.name);
      drop(watched, row.name);
      watched.set(row.name, next);
      tell("");
    });
  }

  function follow(row: ClusterRow): void {
    const now = watched.get(row.name);
    if (!now) return void watched.set(row.name, begin(row));
    const latest = coming.get(row.name) ?? now;
    // A row that cannot be read has no access: it says nothing about the one that is there.
    if (row.accessRef === "" || isSameWay(latest.row, row)) return;
    drop(coming, row.name);
    // Also when it is back to what is watched now, whose client was given up when another access was found.
    replace(row);
  }

  function dropRemoved(rows: readonly ClusterRow[]): void {
    for (const name of watched.keys()) {
      if (rows.some((row) => row.name === name)) continue;
      deps.log.info("cluster_removed", { cluster: name });
      drop(coming, name);
      drop(watched, name);
      // Who keeps its client hears that nobody needs it.
      void deps.clusters.find(name).catch(() => {});
    }
  }

  return {
    watch(rows) {
      for (const row of rows) follow(row);
      dropRemoved(rows);
      const before = served.join();
      served = rows.flatMap(({ name, draining }) => (draining ? [] : name));
      if (served.join() !== before) tell("");
    },
    isDraining: (name) => !served.includes(name),
    find: (name) => watched.get(name)?.cluster,
    ready: (names, until) =>
      race(until, Promise.all(names.flatMap((name) => watched.get(name)?.heard ?? []))),
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** Whether both lead to the same cluster in the same way; everything else about a row needs no other watch. */
function isSameWay(one: ClusterRow, other: ClusterRow): boolean {
  return one.accessRef === other.accessRef && one.namespaces?.join() === other.namespaces?.join();
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
