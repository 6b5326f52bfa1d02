// Why: what is known of one kind, kept right although three sources fill it out of step: lists, watch
// events, and the answers to our own writes (which may overtake the watch or lag behind it). No time, no
// network in here, so that every order of the three can be tried.
import type { KubernetesObject, ObjectKey } from "./client.ts";
import { compareResourceVersions } from "./resource-version.ts";

export interface ObjectChange<T> {
  type: "set" | "gone";
  /** For "gone": the last known state. */
  object: T;
}

/** Each method that takes news returns what changed by it, in order. */
export interface ObjectCache<T extends KubernetesObject> {
  find(key: ObjectKey): T | undefined;
  all(): T[];
  /** How far list and watch have come; undefined before the first list. */
  resourceVersion(): string | undefined;
  /** A list is about to be asked for: what is noted from now on may be newer than it. */
  beginList(): void;
  /** Takes a whole list; what it lacks is gone. */
  replace(items: T[], resourceVersion: string): ObjectChange<T>[];
  event(type: "ADDED" | "MODIFIED" | "DELETED", object: T): ObjectChange<T>[];
  bookmark(resourceVersion: string): void;
  /** Takes the answer to a write of ours, unless something newer is known. */
  note(object: T): ObjectChange<T>[];
}

export function createObjectCache<T extends KubernetesObject>(): ObjectCache<T> {
  const objects = new Map<string, T>();
  let reached: string | undefined;
  let noted = new Set<string>();

  /** Puts `object` in its place; another object of that name has gone first. */
  function set(key: string, object: T): ObjectChange<T>[] {
    const before = objects.get(key);
    objects.set(key, object);
    const replaced = before && before.metadata.uid !== object.metadata.uid;
    const gone = replaced ? [{ type: "gone", object: before } as const] : [];
    return [...gone, { type: "set", object }];
  }

  function unset(key: string, last: T): ObjectChange<T>[] {
    objects.delete(key);
    return [{ type: "gone", object: last }];
  }

  return {
    find: (key) => objects.get(keyText(key)),
    all: () => [...objects.values()],
    resourceVersion: () => reached,
    beginList() {
      noted = new Set();
    },
    replace(items, resourceVersion) {
      const listed = new Map(items.map((item) => [keyText(item.metadata), withoutFields(item)]));
      // Only what was noted while the list was under way may be newer than the list. Everything else
      // yields to it, whatever its number: a cluster restored from a backup counts backwards.
      const outlives = (key: string, object: T, than: string | undefined) =>
        noted.has(key) && isNewer(object, than);
      const changes: ObjectChange<T>[] = [];
      for (const [key, object] of objects)
        if (!listed.has(key) && !outlives(key, object, resourceVersion))
          changes.push(...unset(key, object));
      for (const [key, object] of listed) {
        const before = objects.get(key);
        if (before && outlives(key, before, object.metadata.resourceVersion)) continue;
        if (before && isSame(before, object)) continue;
        changes.push(...set(key, object));
      }
      reached = resourceVersion;
      noted = new Set();
      return changes;
    },
    event(type, object) {
      reached = object.metadata.resourceVersion ?? reached;
      const key = keyText(object.metadata);
      const before = objects.get(key);
      if (type === "DELETED") {
        if (!before) return [];
        const successor = before.metadata.uid !== object.metadata.uid;
        return successor ? [] : unset(key, withoutFields(object));
      }
      if (before && (isSame(before, object) || isNewer(before, object.metadata.resourceVersion)))
        return [];
      return set(key, withoutFields(object));
    },
    bookmark(resourceVersion) {
      reached = resourceVersion;
    },
    note(object) {
      const version = object.metadata.resourceVersion;
      const key = keyText(object.metadata);
      const before = objects.get(key);
      if (before && (isSame(before, object) || isNewer(before, version))) return [];
      // Not here, though list and watch have passed this version: it was deleted meanwhile, or the
      // selector does not want it. To take it would make a ghost that no event ever removes.
      if (!before && isPast(version, reached)) return [];
      noted.add(key);
      return set(key, withoutFields(object));
    },
  };
}

function keyText(key: { namespace?: string; name: string }): string {
  return `${key.namespace ?? ""}/${key.name}`;
}

function isSame(a: KubernetesObject, b: KubernetesObject): boolean {
  return (
    a.metadata.uid === b.metadata.uid && a.metadata.resourceVersion === b.metadata.resourceVersion
  );
}

function isNewer(object: KubernetesObject, than: string | undefined): boolean {
  return (compareResourceVersions(object.metadata.resourceVersion, than) ?? 0) > 0;
}

function isPast(version: string | undefined, reached: string | undefined): boolean {
  return reached !== undefined && (compareResourceVersions(version, reached) ?? 1) <= 0;
}

/** managedFields are often larger than all the rest, and nobody here reads them. */
function withoutFields<T extends KubernetesObject>(object: T): T {
  if (!("managedFields" in object.metadata)) return object;
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}
