// Why: the API's addresses follow one rule (Kubernetes docs, "Resource URIs"); it stands here once.
import type { ObjectKey, Resource } from "./client.ts";

/** The path of a kind's collection; without a namespace that of all namespaces. */
export function collectionPath(resource: Resource, namespace?: string): string {
  const root = resource.group === "" ? "/api" : `/apis/${resource.group}`;
  const within =
    resource.namespaced && namespace !== undefined
      ? `/namespaces/${encodeURIComponent(namespace)}`
      : "";
  return `${root}/${resource.version}${within}/${resource.plural}`;
}

/** The path of one object. Throws for a namespaced kind without a namespace: that is a bug of ours. */
export function objectPath(resource: Resource, key: ObjectKey, subresource?: string): string {
  if (resource.namespaced && !key.namespace)
    throw new Error(`a ${resource.kind} is addressed with a namespace (name: ${key.name})`);
  if (key.name === "") throw new Error(`a ${resource.kind} is addressed with a name`);
  const path = `${collectionPath(resource, key.namespace)}/${encodeURIComponent(key.name)}`;
  return subresource === undefined ? path : `${path}/${subresource}`;
}

/** `group/version`, or the version alone for the core group. */
export function apiVersionOf(resource: Resource): string {
  return resource.group === "" ? resource.version : `${resource.group}/${resource.version}`;
}

/** "EphemeralRunner runners/a", for messages. */
export function describeObject(resource: Resource, key: ObjectKey): string {
  return `${resource.kind} ${key.namespace ? `${key.namespace}/` : ""}${key.name}`;
}

/** `path?a=b`, without the parameters that are undefined. */
export function withQuery(
  path: string,
  query: { [name: string]: string | number | undefined },
): string {
  const set = new URLSearchParams();
  for (const [name, value] of Object.entries(query))
    if (value !== undefined) set.set(name, String(value));
  return set.size === 0 ? path : `${path}?${set.toString()}`;
}
