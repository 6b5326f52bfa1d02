// Why: a runner's pod and secret go because their owner went, and a namespace takes its contents with it:
// that is the work of two controllers of the cluster, without which every test would lie about leftovers
// (Kubernetes docs, "Garbage Collection"; kubernetes/pkg/controller/garbagecollector).
import type { OwnerReference } from "@runlet/kubernetes/client";
import type { ApiObject } from "./api-object.ts";
import { withMeta, type Cluster } from "./cluster.ts";
import { deleteObject, foreground, orphan } from "./deletes.ts";
import type { StoreEvent } from "./store.ts";
import { updateObject } from "./writes.ts";

interface Living {
  collection: string;
  object: ApiObject;
}

export interface GarbageCollector {
  stop(): void;
}

const options = { fieldValidation: "Ignore", dryRun: false } as const;

/** Collects `delayMs` after a change, as the real one comes a moment later too. */
export function startGarbageCollector(cluster: Cluster, delayMs: number): GarbageCollector {
  const living = new Map<string, Living>();
  const dependents = new Map<string, Set<string>>();
  const dirty = new Set<string>();
  let cancel: (() => void) | undefined;

  function note(event: StoreEvent) {
    const uid = event.object.metadata.uid ?? "";
    for (const owner of event.previous?.metadata.ownerReferences ?? []) {
      dependents.get(owner.uid)?.delete(uid);
    }
    if (event.type === "DELETED") {
      living.delete(uid);
      for (const dependent of dependents.get(uid) ?? []) mark(dependent);
      for (const owner of event.object.metadata.ownerReferences ?? []) mark(owner.uid);
      return;
    }
    living.set(uid, { collection: event.collection, object: event.object });
    const owners = event.object.metadata.ownerReferences ?? [];
    for (const owner of owners) {
      const set = dependents.get(owner.uid) ?? new Set();
      dependents.set(owner.uid, set.add(uid));
    }
    if (owners.length > 0 || waitsForDependents(event.object)) mark(uid);
  }

  function mark(uid: string) {
    dirty.add(uid);
    cancel ??= cluster.clock.after(delayMs, run);
  }

  function run() {
    cancel = undefined;
    const uids = [...dirty];
    dirty.clear();
    for (const uid of uids) {
      const found = living.get(uid);
      if (found) visit(found);
    }
  }

  function visit(found: Living) {
    if (waitsForDependents(found.object)) return settleDependents(found);
    const owners = found.object.metadata.ownerReferences ?? [];
    if (owners.length === 0 || found.object.metadata.deletionTimestamp) return;
    const alive = owners.filter((owner) => isAlive(owner, found.object));
    const staying = alive.filter((owner) => !waitsInForeground(owner));
    if (staying.length === 0) {
      const propagation = alive.length > 0 ? "Foreground" : "Background";
      deleteObject(cluster, placeOf(found), { propagation });
    } else if (alive.length < owners.length) {
      keepOwners(found, alive);
    }
  }

  /** An owner lives if its uid does, in the dependent's namespace or in none. */
  function isAlive(owner: OwnerReference, dependent: ApiObject): boolean {
    const object = living.get(owner.uid)?.object;
    if (!object || object.metadata.name !== owner.name) return false;
    const { namespace } = object.metadata;
    return namespace === undefined || namespace === dependent.metadata.namespace;
  }

  const waitsInForeground = (owner: OwnerReference) =>
    living.get(owner.uid)?.object.metadata.finalizers?.includes(foreground) === true &&
    living.get(owner.uid)?.object.metadata.deletionTimestamp !== undefined;

  /** An owner that waits: for its dependents to go, or to be let go. */
  function settleDependents(owner: Living) {
    const { uid = "", finalizers = [] } = owner.object.metadata;
    const found = [...(dependents.get(uid) ?? [])].flatMap((id) => living.get(id) ?? []);
    if (finalizers.includes(orphan)) {
      for (const dependent of found) {
        const kept = dependent.object.metadata.ownerReferences?.filter((o) => o.uid !== uid) ?? [];
        keepOwners(dependent, kept);
      }
      return dropFinalizer(owner, orphan);
    }
    for (const dependent of found) visit(dependent);
    const blocking = found.some(({ object }) =>
      object.metadata.ownerReferences?.some((o) => o.uid === uid && o.blockOwnerDeletion === true),
    );
    const gone = [...(dependents.get(uid) ?? [])].every((id) => !living.has(id));
    if (gone || !blocking) dropFinalizer(owner, foreground);
  }

  const dropFinalizer = (found: Living, finalizer: string) =>
    change(found, (object) => {
      const rest = object.metadata.finalizers?.filter((name) => name !== finalizer);
      return withMeta(object, { finalizers: rest });
    });

  const keepOwners = (found: Living, ownerReferences: OwnerReference[]) =>
    change(found, (object) => withMeta(object, { ownerReferences }));

  function change(found: Living, how: (object: ApiObject) => ApiObject) {
    updateObject(cluster, { ...placeOf(found), subresource: "" }, how, options);
  }

  function placeOf({ collection, object }: Living) {
    const kind = cluster.kindOfCollection(collection);
    // A CRD takes its objects with it (cluster.ts), so whatever lives has a kind.
    if (!kind) throw new Error(`nobody serves ${collection}`);
    const { namespace = "", name } = object.metadata;
    return { kind, namespace, name };
  }

  const stopListening = cluster.store.subscribe(note);
  return {
    stop() {
      stopListening();
      cancel?.();
    },
  };
}

function waitsForDependents(object: ApiObject): boolean {
  const { deletionTimestamp, finalizers = [] } = object.metadata;
  if (!deletionTimestamp) return false;
  return finalizers.includes(foreground) || finalizers.includes(orphan);
}

/** Empties namespaces that are being deleted, and removes them when they are empty. */
export function startNamespaceController(cluster: Cluster, delayMs: number): GarbageCollector {
  let cancel: (() => void) | undefined;
  const isTerminating = (namespace: ApiObject) =>
    namespace.metadata.deletionTimestamp !== undefined;

  function run() {
    cancel = undefined;
    for (const namespace of cluster.store.list("/namespaces").filter(isTerminating)) {
      if (empty(namespace.metadata.name) && !namespace.metadata.finalizers?.length) {
        cluster.store.remove("/namespaces", namespace.metadata.name);
      }
    }
  }

  /** Deletes what is left in the namespace; true if nothing is. */
  function empty(namespace: string): boolean {
    let left = 0;
    for (const collection of cluster.store.collections()) {
      const kind = cluster.kindOfCollection(collection);
      if (!kind?.namespaced) continue;
      for (const object of cluster.store.list(collection)) {
        if (object.metadata.namespace !== namespace) continue;
        const place = { kind, namespace, name: object.metadata.name };
        if (object.metadata.deletionTimestamp || !deleteObject(cluster, place).gone) left++;
      }
    }
    return left === 0;
  }

  const stopListening = cluster.store.subscribe((event) => {
    const namespace = cluster.store.get("/namespaces", event.object.metadata.namespace ?? "");
    const concerns =
      (event.collection === "/namespaces" && isTerminating(event.object)) ||
      (event.type === "DELETED" && namespace !== undefined && isTerminating(namespace));
    if (concerns) cancel ??= cluster.clock.after(delayMs, run);
  });
  return {
    stop() {
      stopListening();
      cancel?.();
    },
  };
}
