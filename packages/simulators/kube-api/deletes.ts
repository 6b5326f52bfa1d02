// Why: deletion is a request, not an act: finalizers, a pod's grace period and a namespace's contents come
// first (Kubernetes docs, "Garbage Collection", "Finalizers", "Pod Lifecycle").
import { isRecord, same, type ApiObject } from "./api-object.ts";
import { about, withMeta, type Cluster } from "./cluster.ts";
import { collectionOf, keyOf, type Kind } from "./kinds.ts";
import { timestamp } from "./object-meta.ts";
import { podGraceSeconds } from "./pod-rules.ts";
import * as status from "./status-error.ts";
import { getObject } from "./writes.ts";

export interface DeleteOptions {
  uid?: string;
  resourceVersion?: string;
  graceSeconds?: number;
  propagation?: "Background" | "Foreground" | "Orphan";
  dryRun?: boolean;
}

export interface Deleted {
  /** True when the object is gone, false while it waits. */
  gone: boolean;
  object: ApiObject;
}

export const foreground = "foregroundDeletion";
export const orphan = "orphan";

/** Deletes an object, or marks it as being deleted. Throws 404, or 409 for a precondition. */
export function deleteObject(
  cluster: Cluster,
  place: { kind: Kind; namespace: string; name: string },
  options: DeleteOptions = {},
): Deleted {
  const { kind } = place;
  const current = getObject(cluster, place);
  checkPreconditions(kind, current, options);
  const grace = graceSeconds(current, options);
  const finalizers = finalizersFor(current, options);
  const waits = finalizers.length > 0 || grace > 0 || kind.kind === "Namespace";
  const marked = mark(cluster, current, grace, finalizers);
  if (options.dryRun) return { gone: !waits, object: marked };
  const collection = collectionOf(kind);
  const key = keyOf(place.namespace, place.name);
  if (!waits) {
    // A pod is marked even when it goes at once; watches see both steps. Others go as they are.
    if (kind.kind === "Pod" && !same(marked, current)) cluster.store.put(collection, key, marked);
    return { gone: true, object: cluster.store.remove(collection, key) ?? current };
  }
  if (same(marked, current)) return { gone: false, object: current };
  return { gone: false, object: cluster.store.put(collection, key, marked) };
}

function checkPreconditions(kind: Kind, current: ApiObject, options: DeleteOptions) {
  const { name, uid, resourceVersion } = current.metadata;
  const refuse = (field: string, wanted: string, found: string | undefined, why: string) => {
    const what = `the ${field} in the precondition (${wanted}) does not match the ${field} in record`;
    throw status.conflict(about(kind, name), `${what} (${found}). ${why}`, kind.kind);
  };
  if (options.uid !== undefined && options.uid !== uid) {
    refuse("UID", options.uid, uid, "The object might have been deleted and then recreated");
  }
  if (options.resourceVersion !== undefined && options.resourceVersion !== resourceVersion) {
    const why = "The object might have been modified";
    refuse("ResourceVersion", options.resourceVersion, resourceVersion, why);
  }
}

function graceSeconds(current: ApiObject, options: DeleteOptions): number {
  if (current.kind !== "Pod") return 0;
  const asked = podGraceSeconds(current, options.graceSeconds);
  const { deletionTimestamp, deletionGracePeriodSeconds = 0 } = current.metadata;
  // A second request may shorten the wait, never lengthen it.
  return deletionTimestamp ? Math.min(asked, deletionGracePeriodSeconds) : asked;
}

function finalizersFor(current: ApiObject, options: DeleteOptions): string[] {
  const own = current.metadata.finalizers ?? [];
  if (options.propagation === undefined) return own;
  const others = own.filter((name) => name !== foreground && name !== orphan);
  if (options.propagation === "Foreground") return [...others, foreground];
  if (options.propagation === "Orphan") return [...others, orphan];
  return others;
}

function mark(cluster: Cluster, current: ApiObject, grace: number, finalizers: string[]) {
  const { metadata } = current;
  const shortened = grace !== (metadata.deletionGracePeriodSeconds ?? grace);
  const first = metadata.deletionTimestamp === undefined;
  const isNamespace = current.kind === "Namespace";
  const endsAt = timestamp(cluster.clock.wallMs() + grace * 1000);
  const marked = withMeta(current, {
    deletionTimestamp: first || shortened ? endsAt : metadata.deletionTimestamp,
    deletionGracePeriodSeconds: isNamespace ? undefined : grace,
    finalizers: finalizers.length > 0 ? finalizers : undefined,
    generation: metadata.generation && first ? metadata.generation + 1 : metadata.generation,
  });
  if (!isNamespace) return marked;
  const phase = isRecord(current.status) ? { ...current.status, phase: "Terminating" } : {};
  return { ...marked, status: phase };
}
