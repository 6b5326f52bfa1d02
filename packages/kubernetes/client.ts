// Why: poller and reconciler need a handful of verbs over an injected fetch, under a clock of ours.
// @kubernetes/client-node cuts watches after 30 s, costs 2 MB and cannot run under a virtual clock
// (kubernetes-client/javascript src/watch.ts); its types are used everywhere.
import type { Clock } from "@runlet/runtime/clock";
import type { Fetch } from "@runlet/runtime/fetch";

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

/** An answer that is not 2xx, or none at all (status 0). Callers decide by status and reason. */
export class KubernetesError extends Error {
  override name = "KubernetesError";
  /** The HTTP status; 0 when there was no answer. */
  readonly status: number;
  /** `Status.reason`: NotFound, AlreadyExists, Conflict, Invalid, Expired …; TimedOut or Unreachable for status 0. */
  readonly reason: string;
  readonly retryAfterMs: number | undefined;
  constructor(
    message: string,
    answer: { status: number; reason: string; retryAfterMs?: number | undefined },
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.status = answer.status;
    this.reason = answer.reason;
    this.retryAfterMs = answer.retryAfterMs;
  }
}

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
    options: ListOptions & { resourceVersion: string; timeoutSeconds?: number },
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
  /** Called before each request; may refresh. Undefined: no bearer token (client certificate). */
  token?: () => Promise<string>;
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
