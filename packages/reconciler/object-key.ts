// Why: objects are named the same way in queues, caches and logs.
import type { KubernetesObject } from "@runlet/kubernetes/client";

/** `namespace/name`: what the queues work on. */
export function objectKey(object: KubernetesObject): string {
  return `${object.metadata.namespace ?? ""}/${object.metadata.name}`;
}

export function parseKey(key: string): { namespace: string; name: string } {
  const slash = key.indexOf("/");
  return { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

export function keyOf(object: KubernetesObject): { namespace: string; name: string } {
  return { namespace: object.metadata.namespace ?? "", name: object.metadata.name };
}

/** The owner that controls the object. */
export function controllerOf(object: KubernetesObject) {
  return object.metadata.ownerReferences?.find((owner) => owner.controller === true);
}
