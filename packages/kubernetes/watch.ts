// Why: poller and reconciler see the cluster through a cache that a list fills and a watch keeps fresh:
// one watch per cluster and kind, no list in a loop, no event trusted for more than "look again".
import type { KubernetesClient, KubernetesObject, ObjectKey, Resource } from "./client.ts";
import type { Clock } from "@runlet/runtime/clock";
import type { Log } from "@runlet/runtime/log";
import type { Random } from "@runlet/runtime/random";

/** A cache of one kind in one cluster (or namespace), kept fresh until its signal aborts. */
export interface WatchedKind<T extends KubernetesObject> {
  /** Resolves once the first list is in; rejects when the signal aborts before. */
  ready(): Promise<void>;
  /** "starting" until the first list; "live"; "stale" while list or watch fail (since: monotonic ms). */
  state(): { state: "starting" | "live" | "stale"; since: number; lastError?: string };
  find(key: ObjectKey): T | undefined;
  all(): T[];
  /** Takes an object that a write of ours returned, unless a newer one (by resourceVersion order) is there. */
  note(object: T): void;
  /** Called for each change, also for deletions (object = last known), and for each object after a re-list that differs. Returns unsubscribe. */
  onChange(listener: (change: { type: "set" | "gone"; object: T }) => void): () => void;
}

export interface WatchDeps {
  client: KubernetesClient;
  clock: Clock;
  random: Random;
  log: Log;
}

export interface WatchOptions {
  resource: Resource;
  /** Absent: all namespaces. */
  namespace?: string;
  labelSelector?: string;
  signal: AbortSignal;
}
