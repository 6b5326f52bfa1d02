// Why: what a Kubernetes API promises rests on one thing: a store in which every write has a number, and
// whose recent history can be read again. A watch from an old number replays exactly what is kept, or is
// told that it is gone; a paged list shows the state of its first page.
import type { ApiObject } from "./api-object.ts";

export interface StoreEvent {
  revision: number;
  type: "ADDED" | "MODIFIED" | "DELETED";
  collection: string;
  /** `namespace/name`, or `name`. */
  key: string;
  /** The object after the write; for DELETED its last state with the number of the deletion. */
  object: ApiObject;
  /** The object before the write; undefined for ADDED. */
  previous: ApiObject | undefined;
}

export interface Store {
  /** The number of the last write. */
  revision(): number;
  /** Events up to this number may be forgotten; everything after it is kept. */
  forgottenTo(): number;
  get(collection: string, key: string): ApiObject | undefined;
  /** Objects of a collection in the order of their keys. */
  list(collection: string): ApiObject[];
  /** The same as it was at `revision`; undefined when that is forgotten. */
  listAt(collection: string, revision: number): ApiObject[] | undefined;
  /** Writes `object` (new or changed) under the next number and returns it with that resourceVersion. */
  put(collection: string, key: string, object: ApiObject): ApiObject;
  /** Removes and returns the last state with the deletion's number; undefined if there was none. */
  remove(collection: string, key: string): ApiObject | undefined;
  /** Events of a collection after `revision`, oldest first; undefined when some are forgotten. */
  eventsAfter(collection: string, revision: number): StoreEvent[] | undefined;
  /** Calls `listener` at each later write, in order. Returns the end of it. */
  subscribe(listener: (event: StoreEvent) => void): () => void;
  /** Forgets all history but the last `keep` events: what etcd's compaction does. */
  compact(keep?: number): void;
  collections(): string[];
}

/** An empty store that keeps the last `historyEvents` events. */
export function createStore(options: { historyEvents: number }): Store {
  const collections = new Map<string, Map<string, ApiObject>>();
  const listeners = new Set<(event: StoreEvent) => void>();
  let history: StoreEvent[] = [];
  let revision = 0;
  let forgotten = 0;

  const objects = (collection: string) => {
    const found = collections.get(collection);
    if (found) return found;
    const made = new Map<string, ApiObject>();
    collections.set(collection, made);
    return made;
  };

  function trim(keep: number) {
    const drop = history.length - keep;
    if (drop <= 0) return;
    forgotten = history[drop - 1]?.revision ?? forgotten;
    history = history.slice(drop);
  }

  function record(event: StoreEvent) {
    history.push(event);
    // Trimmed in batches, so that a write costs the same whatever the length.
    if (history.length > options.historyEvents * 1.25) trim(options.historyEvents);
    for (const listener of listeners) listener(event);
  }

  const stamped = (object: ApiObject): ApiObject => ({
    ...object,
    metadata: { ...object.metadata, resourceVersion: String(revision) },
  });

  return {
    revision: () => revision,
    forgottenTo: () => forgotten,
    collections: () => [...collections.keys()],
    get: (collection, key) => objects(collection).get(key),
    list: (collection) => sorted(objects(collection)),
    listAt(collection, wanted) {
      if (wanted < forgotten) return undefined;
      if (wanted >= revision) return sorted(objects(collection));
      const then = new Map(objects(collection));
      for (const event of history.toReversed()) {
        if (event.revision <= wanted) break;
        if (event.collection !== collection) continue;
        if (event.previous) then.set(event.key, event.previous);
        else then.delete(event.key);
      }
      return sorted(then);
    },
    put(collection, key, object) {
      revision++;
      const previous = objects(collection).get(key);
      const next = stamped(object);
      objects(collection).set(key, next);
      const type = previous ? "MODIFIED" : "ADDED";
      record({ revision, type, collection, key, object: next, previous });
      return next;
    },
    remove(collection, key) {
      const previous = objects(collection).get(key);
      if (!previous) return undefined;
      revision++;
      const object = stamped(previous);
      objects(collection).delete(key);
      record({ revision, type: "DELETED", collection, key, object, previous });
      return object;
    },
    eventsAfter(collection, after) {
      if (after < forgotten) return undefined;
      return history.filter((e) => e.revision > after && e.collection === collection);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    compact: (keep = 0) => trim(keep),
  };
}

/** In the order of etcd's keys: bytes, not words. */
function sorted(objects: Map<string, ApiObject>): ApiObject[] {
  const byKey = (a: [string, unknown], b: [string, unknown]) =>
    a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0;
  return [...objects].sort(byKey).map(([, object]) => object);
}
