// Why: poller and reconciler see the cluster through a cache that a list fills and a watch keeps fresh:
// one watch per cluster and kind, no list in a loop, no event trusted for more than "look again".
import type { KubernetesClient, KubernetesObject, ObjectKey, Resource } from "./client.ts";
import type { Clock } from "@runlet/runtime/clock";
import type { Log } from "@runlet/runtime/log";
import type { Random } from "@runlet/runtime/random";
import { describeError } from "@runlet/runtime/log";
import { createObjectCache, type ObjectChange } from "./object-cache.ts";
import { watchLoop } from "./watch-loop.ts";

/** A cache of one kind in one cluster (or namespace), kept fresh until its signal aborts. */
export interface WatchedKind<T extends KubernetesObject> {
  /** Resolves once the first list is in; rejects when the signal aborts before. */
  ready(): Promise<void>;
  /** "starting" until the first list; "live"; "stale" while list or watch fail (since: monotonic ms). */
  state(): { state: "starting" | "live" | "stale"; since: number; lastError?: string };
  /** When the loop last turned: a list, an event, a bookmark, a failure. No watch is silent for 6 minutes. */
  heardAtMs(): number;
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
  /** A kind that the cluster does not have counts as a kind without objects; looked for again each so many ms. */
  absentEveryMs?: number;
  signal: AbortSignal;
}

/** Starts to list and watch at once; nothing of it is left running once `options.signal` has aborted. */
export function createWatchedKind<T extends KubernetesObject>(
  deps: WatchDeps,
  options: WatchOptions,
): WatchedKind<T> {
  const { clock } = deps;
  const log = deps.log.with({
    kind: options.resource.kind,
    ...(options.namespace === undefined ? {} : { namespace: options.namespace }),
  });
  const cache = createObjectCache<T>();
  const listeners = new Set<(change: ObjectChange<T>) => void>();
  const listed = createGate(options.signal);
  let now: ReturnType<WatchedKind<T>["state"]> = { state: "starting", since: clock.nowMs() };
  let heardAtMs = now.since;

  function tell(changes: ObjectChange<T>[]) {
    for (const change of changes)
      for (const listener of listeners)
        try {
          listener(change);
        } catch (error) {
          // A listener's defect must not end the cache that all others live on.
          log.error("watch_listener_failed", { error: describeError(error) });
        }
  }

  void watchLoop(deps, options, cache, {
    changed: tell,
    listed: listed.open,
    heard: () => (heardAtMs = clock.nowMs()),
    live() {
      if (now.state === "live") return;
      if (now.lastError !== undefined) log.info("watch_recovered", { after: now.state });
      now = { state: "live", since: clock.nowMs() };
    },
    failed(lastError) {
      // One line when it begins; the state says the rest.
      if (now.lastError === undefined) log.warn("watch_failed", { error: lastError });
      const stale = now.state === "live" ? { state: "stale" as const, since: clock.nowMs() } : now;
      now = { ...stale, lastError };
    },
  });

  return {
    ready: () => listed.opened,
    state: () => now,
    heardAtMs: () => heardAtMs,
    find: (key) => cache.find(key),
    all: () => cache.all(),
    note: (object) => tell(cache.note(object)),
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** A promise that resolves with `open`, or rejects with the reason of `signal` if that comes first. */
function createGate(signal: AbortSignal): { opened: Promise<void>; open: () => void } {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onAbort = () => reject(signal.reason as Error);
  if (signal.aborted) onAbort();
  else signal.addEventListener("abort", onAbort, { once: true });
  // Nobody needs to wait for it.
  promise.catch(() => {});
  return {
    opened: promise,
    open() {
      signal.removeEventListener("abort", onAbort);
      resolve();
    },
  };
}
