// Why: poller and reconciler need a handful of verbs over an injected fetch, under a clock of ours.
// @kubernetes/client-node cuts watches after 30 s, costs 2 MB and cannot run under a virtual clock
// (kubernetes-client/javascript src/watch.ts); its types are used everywhere.
import type { Clock } from "@runlet/runtime/clock";
import type { Fetch } from "@runlet/runtime/fetch";
import { listPages } from "./list-pages.ts";
import { KubernetesError } from "./kubernetes-error.ts";
import { apiVersionOf, collectionPath, describeObject, objectPath } from "./resource-path.ts";
import { send } from "./send.ts";
import { watchEvents } from "./watch-events.ts";

/** A kind as it is addressed. */
export interface Resource {
  /** "" for the core group. */
  group: string;
  version: string;
  plural: string;
  kind: string;
  namespaced: boolean;
}

export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

export interface ObjectMeta {
  name: string;
  namespace?: string;
  generateName?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  deletionGracePeriodSeconds?: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  finalizers?: string[];
  ownerReferences?: OwnerReference[];
}

export interface KubernetesObject {
  apiVersion?: string;
  kind?: string;
  metadata: ObjectMeta;
}

export type JsonPatchOperation =
  | { op: "add" | "replace" | "test"; path: string; value: unknown }
  | { op: "remove"; path: string };

export type Patch =
  | { type: "json"; operations: JsonPatchOperation[] }
  | { type: "merge"; body: Record<string, unknown> };

// One name for callers, whatever file it lives in.
export { KubernetesError } from "./kubernetes-error.ts";

export interface ObjectKey {
  namespace?: string;
  name: string;
}

export interface KubernetesCallOptions {
  signal?: AbortSignal;
  /** Time limit; default the client's. */
  limitMs?: number;
}

export interface ListOptions extends KubernetesCallOptions {
  /** Absent: all namespaces. */
  namespace?: string;
  labelSelector?: string;
}

export interface ObjectList<T> {
  items: T[];
  resourceVersion: string;
}

export interface WatchCallOptions extends ListOptions {
  /** Events after this version; a version too old throws KubernetesError 410. */
  resourceVersion: string;
  /** After which the server ends the stream. */
  timeoutSeconds?: number;
  /** Called once, when the server has accepted the watch; events may come much later. */
  onOpen?: () => void;
}

/** One line of a watch. */
export type WatchEvent<T> =
  | { type: "ADDED" | "MODIFIED" | "DELETED"; object: T }
  | { type: "BOOKMARK"; resourceVersion: string };

/** The Kubernetes API of one cluster. Every method throws KubernetesError for an answer that is not 2xx. */
export interface KubernetesClient {
  /** Undefined on 404 only. */
  find<T extends KubernetesObject>(
    resource: Resource,
    key: ObjectKey,
    options?: KubernetesCallOptions,
  ): Promise<T | undefined>;
  /** The whole list (limit/continue inside). */
  list<T extends KubernetesObject>(
    resource: Resource,
    options?: ListOptions,
  ): Promise<ObjectList<T>>;
  /** `object.metadata.namespace` says where. */
  create<T extends KubernetesObject>(
    resource: Resource,
    object: T,
    options?: KubernetesCallOptions,
  ): Promise<T>;
  patch<T extends KubernetesObject>(
    resource: Resource,
    key: ObjectKey,
    patch: Patch,
    options?: KubernetesCallOptions & { subresource?: "status" },
  ): Promise<T>;
  /** "absent" on 404. `uid`/`resourceVersion` are preconditions (409 throws). */
  remove(
    resource: Resource,
    key: ObjectKey,
    options?: KubernetesCallOptions & {
      uid?: string;
      resourceVersion?: string;
      propagation?: "Background" | "Foreground" | "Orphan";
      gracePeriodSeconds?: number;
    },
  ): Promise<"removed" | "absent">;
  /**
   * The events after `resourceVersion` until the server ends the stream or `signal` aborts. Throws
   * KubernetesError (410 Expired also when it comes as an ERROR event).
   */
  watch<T extends KubernetesObject>(
    resource: Resource,
    options: WatchCallOptions,
  ): AsyncIterable<WatchEvent<T>>;
  /** Server version, for probes: `GET /version`. */
  version(
    options?: KubernetesCallOptions,
  ): Promise<{ major: string; minor: string; gitVersion: string }>;
}

/** How to reach one cluster: what a kubeconfig, EKS or the pod's service account yields (access.ts). */
export interface ClusterAccess {
  /** https://host:port, no trailing slash. */
  server: string;
  /** Called before each request; may refresh. Undefined, or gives undefined: no bearer token (client certificate). */
  token?: () => Promise<string | undefined>;
  /** Carries the cluster's CA and client certificate. */
  fetch: Fetch;
}

export interface KubernetesClientDeps {
  access: ClusterAccess;
  clock: Clock;
  userAgent: string;
  /** Default time limit of a call (not of a watch), ms. */
  limitMs: number;
}

/** A client of one cluster. Nothing is retried but a read that finds its connection reset, once. */
export function createKubernetesClient(deps: KubernetesClientDeps): KubernetesClient {
  return {
    find: (resource, key, options) => absentAsUndefined(get(deps, resource, key, options)),
    list: (resource, options = {}) => listPages(deps, resource, options),
    create: (resource, object, options) => create(deps, resource, object, options),
    patch: (resource, key, patch, options) => patchObject(deps, resource, key, patch, options),
    remove: (resource, key, options) => remove(deps, resource, key, options),
    watch: (resource, options) => watchEvents(deps, resource, options),
    async version(options) {
      const exchange = { method: "GET", path: "/version", attempted: "read the version" } as const;
      // kube-apiserver's version.Info; only ever shown.
      return (await send(deps, exchange, options)) as Version;
    },
  };
}

type Version = Awaited<ReturnType<KubernetesClient["version"]>>;

async function absentAsUndefined<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof KubernetesError && error.status === 404) return undefined;
    throw error;
  }
}

async function get<T extends KubernetesObject>(
  deps: KubernetesClientDeps,
  resource: Resource,
  key: ObjectKey,
  options?: KubernetesCallOptions,
): Promise<T> {
  const attempted = `get ${describeObject(resource, key)}`;
  const path = objectPath(resource, key);
  // The caller names the kind it asked for; the API server answers with that kind.
  return (await send(deps, { method: "GET", path, attempted }, options)) as T;
}

async function create<T extends KubernetesObject>(
  deps: KubernetesClientDeps,
  resource: Resource,
  object: T,
  options?: KubernetesCallOptions,
): Promise<T> {
  const { namespace, name, generateName } = object.metadata;
  if (resource.namespaced && !namespace)
    throw new Error(`a ${resource.kind} is created in a namespace (name: ${name})`);
  const key = { name: name || `${generateName}*`, ...(namespace ? { namespace } : {}) };
  const value = { ...object, apiVersion: apiVersionOf(resource), kind: resource.kind };
  const exchange = {
    method: "POST",
    path: collectionPath(resource, namespace),
    attempted: `create ${describeObject(resource, key)}`,
    body: { contentType: "application/json", value },
  } as const;
  // As in get.
  return (await send(deps, exchange, options)) as T;
}

async function patchObject<T extends KubernetesObject>(
  deps: KubernetesClientDeps,
  resource: Resource,
  key: ObjectKey,
  patch: Patch,
  options: KubernetesCallOptions & { subresource?: "status" } = {},
): Promise<T> {
  const part = options.subresource ? `${options.subresource} of ` : "";
  const exchange = {
    method: "PATCH",
    path: objectPath(resource, key, options.subresource),
    attempted: `patch ${part}${describeObject(resource, key)}`,
    body:
      patch.type === "json"
        ? { contentType: "application/json-patch+json", value: patch.operations }
        : { contentType: "application/merge-patch+json", value: patch.body },
  } as const;
  // As in get.
  return (await send(deps, exchange, options)) as T;
}

async function remove(
  deps: KubernetesClientDeps,
  resource: Resource,
  key: ObjectKey,
  options: Parameters<KubernetesClient["remove"]>[2] = {},
): Promise<"removed" | "absent"> {
  const { uid, resourceVersion, propagation, gracePeriodSeconds } = options;
  // Members that are undefined are left out by JSON.stringify.
  const preconditions = uid || resourceVersion ? { uid, resourceVersion } : undefined;
  const value = {
    apiVersion: "v1",
    kind: "DeleteOptions",
    preconditions,
    propagationPolicy: propagation,
    gracePeriodSeconds,
  };
  const exchange = {
    method: "DELETE",
    path: objectPath(resource, key),
    attempted: `delete ${describeObject(resource, key)}`,
    body: { contentType: "application/json", value },
  } as const;
  const answer = await absentAsUndefined(send(deps, exchange, options));
  return answer === undefined ? "absent" : "removed";
}
