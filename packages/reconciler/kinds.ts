// Why: the passes read the cluster from caches, by key or by owner. What a pass has just written must be
// there at once, before the watch brings it back, or the next pass would do it a second time.
import type { KubernetesObject, ObjectKey } from "@runlet/kubernetes/client";
import type { WatchedKind } from "@runlet/kubernetes/watch";
import { controllerOf, keyOf, objectKey } from "./object-key.ts";

/** One kind in all namespaces that are watched. */
export interface Kind<T extends KubernetesObject> {
  find(key: ObjectKey): T | undefined;
  all(): T[];
  /** Those whose controlling owner has this uid. */
  ownedBy(uid: string): T[];
  /** Takes what a write of ours returned. */
  note(object: T): void;
  /** Remembers that a delete of ours was accepted, until the watch shows it. */
  noteRemoved(object: T): void;
  /** Deleted, or about to be. */
  isGoing(object: T): boolean;
  onChange(listener: (change: { type: "set" | "gone"; object: T }) => void): void;
}

/** ARC's CRDs let an object without a spec through; one such must not stop the passes of all others. */
function whole<T extends KubernetesObject>(object: T): T {
  const { spec } = object as { spec?: unknown };
  return typeof spec === "object" && spec !== null ? object : { ...object, spec: {} };
}

export function createKind<T extends KubernetesObject>(
  watched: WatchedKind<T>[],
  watchOf: (object: T) => WatchedKind<T> | undefined,
): Kind<T> {
  /** Owner uid → cache key → key, kept for lookups only; the objects come from the cache. */
  const owned = new Map<string, Map<string, ObjectKey>>();
  const removed = new Set<string>();

  const find = (key: ObjectKey) => {
    for (const one of watched) {
      const object = one.find(key);
      if (object) return whole(object);
    }
    return undefined;
  };

  function index(object: T) {
    const owner = controllerOf(object)?.uid;
    if (owner === undefined) return;
    const children = owned.get(owner) ?? new Map<string, ObjectKey>();
    owned.set(owner, children);
    children.set(objectKey(object), keyOf(object));
  }

  function forget(object: T) {
    removed.delete(object.metadata.uid ?? "");
    const owner = controllerOf(object)?.uid ?? "";
    const children = owned.get(owner);
    children?.delete(objectKey(object));
    if (children?.size === 0) owned.delete(owner);
  }

  function onChange(listener: (change: { type: "set" | "gone"; object: T }) => void) {
    for (const one of watched)
      one.onChange(({ type, object }) => listener({ type, object: whole(object) }));
  }

  onChange(({ type, object }) => (type === "set" ? index(object) : forget(object)));

  return {
    find,
    all: () => watched.flatMap((one) => one.all().map(whole)),
    ownedBy(uid) {
      const keys = [...(owned.get(uid)?.values() ?? [])];
      return keys.flatMap((key) => {
        const object = find(key);
        return object && controllerOf(object)?.uid === uid ? [object] : [];
      });
    },
    note(object) {
      watchOf(object)?.note(object);
      index(object);
    },
    noteRemoved(object) {
      if (object.metadata.uid && find(keyOf(object))) removed.add(object.metadata.uid);
    },
    isGoing: (object) =>
      object.metadata.deletionTimestamp !== undefined || removed.has(object.metadata.uid ?? ""),
    onChange,
  };
}
