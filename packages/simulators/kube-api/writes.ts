// Why: every change of an object goes through here, so that the server's half of the contract holds for
// all of them: numbers and uids, status apart from spec, conflicts, validation, finalizers.
import {
  clone,
  isRecord,
  list,
  same,
  without,
  type ApiObject,
  type JsonObject,
} from "./api-object.ts";
import {
  admitBuiltIn,
  admitIntoNamespace,
  defaultBuiltIn,
  followers,
  validateBuiltIn,
} from "./built-in-rules.ts";
import { about, withMeta, type Cluster } from "./cluster.ts";
import { apiVersionOf, collectionOf, keyOf, type Kind } from "./kinds.ts";
import { generateName, parseMeta, validateMeta } from "./object-meta.ts";
import { fillDefaults, prune, validate } from "./structural-schema.ts";
import * as status from "./status-error.ts";

export interface WriteOptions {
  fieldValidation: "Strict" | "Warn" | "Ignore";
  dryRun: boolean;
}

export interface Written {
  object: ApiObject;
  /** For `Warning` headers. */
  warnings: string[];
}

/** Kinds whose metadata.generation counts changes of the spec. */
const counted = new Set(["Pod", "Deployment", "CustomResourceDefinition", "PodDisruptionBudget"]);
const isCounted = (kind: Kind) => kind.custom !== undefined || counted.has(kind.kind);

/** A body as an object of `kind`, pruned and with defaults. */
function parseObject(kind: Kind, body: unknown, options: WriteOptions): Written {
  if (!isRecord(body)) throw status.badRequest(`the body is not a ${kind.kind}`);
  if (kind.custom && (body.kind === undefined || body.apiVersion === undefined)) {
    const missing = body.kind === undefined ? "Kind" : "apiVersion";
    const what = `the object provided is unrecognized (must be of type ${kind.kind})`;
    throw status.badRequest(`${what}: Object '${missing}' is missing`);
  }
  refuseOtherType(kind, body);
  const { metadata, wrong } = parseMeta(clone(body.metadata));
  if (wrong) throw status.badRequest(`${kind.kind} cannot be handled: ${wrong}`);
  const object: ApiObject = {
    apiVersion: apiVersionOf(kind),
    kind: kind.custom && typeof body.kind === "string" ? body.kind : kind.kind,
    metadata,
    ...clone(without(body, "apiVersion", "kind", "metadata")),
  };
  return { object, warnings: applySchema(kind, object, options) };
}

/** Refuses a body of another version or kind; another custom kind is found by validation. */
function refuseOtherType(kind: Kind, body: JsonObject) {
  const expected = apiVersionOf(kind);
  const { apiVersion = expected, kind: sent = kind.kind } = body;
  if (apiVersion !== expected) {
    const data = `the API version in the data (${String(apiVersion)})`;
    throw status.badRequest(`${data} does not match the expected API version (${expected})`);
  }
  if (sent === kind.kind || (kind.custom && typeof sent === "string")) return;
  const what = `${String(sent)} in version "${kind.version}"`;
  throw status.badRequest(`${what} cannot be handled as a ${kind.kind}`);
}

/** Prunes and fills in a custom object; returns warnings, or throws in strict mode. */
function applySchema(kind: Kind, object: ApiObject, options: WriteOptions): string[] {
  if (!kind.custom) return [];
  const unknown = prune(object, kind.custom.schema).map((path) => `unknown field "${path}"`);
  if (unknown.length > 0 && options.fieldValidation === "Strict") {
    const what = `${kind.kind} in version "${kind.version}" cannot be handled as a ${kind.kind}`;
    throw status.badRequest(`${what}: strict decoding error: ${unknown.join(", ")}`);
  }
  fillDefaults(object, kind.custom.schema);
  return options.fieldValidation === "Warn" ? unknown : [];
}

function refuseInvalid(kind: Kind, object: ApiObject, old?: ApiObject) {
  const wrongKind = status.badValue("kind", object.kind, `must be ${kind.kind}`);
  const causes = [
    ...(object.kind === kind.kind ? [] : [wrongKind]),
    ...validateMeta(object),
    ...(kind.custom ? validate(object, kind.custom.schema) : validateBuiltIn(object, old)),
  ];
  const what = about(kind, object.metadata.name ?? "");
  if (causes.length > 0) throw status.invalid(what, causes, object.kind);
}

/** Creates an object of `kind` in `namespace` ("" for a cluster-scoped kind). */
export function createObject(
  cluster: Cluster,
  at: { kind: Kind; namespace: string },
  body: unknown,
  options: WriteOptions,
): Written {
  const { kind, namespace } = at;
  const { object: parsed, warnings } = parseObject(kind, body, options);
  const sent = parsed.metadata.namespace;
  if (sent !== undefined && sent !== namespace) {
    const why = "the namespace of the provided object does not match the namespace sent";
    throw status.badRequest(`${why} on the request`);
  }
  const object = newObject(cluster, at, parsed);
  if (kind.namespaced) requireNamespace(cluster, kind, object);
  if (!kind.custom) {
    defaultBuiltIn(cluster, object);
    admitBuiltIn(cluster, kind, object);
  }
  refuseInvalid(kind, object);
  const key = keyOf(namespace, object.metadata.name);
  if (cluster.store.get(collectionOf(kind), key)) {
    throw status.alreadyExists(about(kind, object.metadata.name));
  }
  if (options.dryRun) return { object, warnings };
  const created = cluster.store.put(collectionOf(kind), key, object);
  for (const follower of followers(created)) createFollower(cluster, follower);
  return { object: created, warnings };
}

function createFollower(cluster: Cluster, object: ApiObject) {
  const kind = cluster.kindOf(object.apiVersion, object.kind);
  if (!kind) throw new Error(`no kind ${object.kind}`);
  const namespace = object.metadata.namespace ?? "";
  createObject(cluster, { kind, namespace }, object, { fieldValidation: "Ignore", dryRun: false });
}

/** What the client sent, and the server's half of it. */
function newObject(
  cluster: Cluster,
  at: { kind: Kind; namespace: string },
  parsed: ApiObject,
): ApiObject {
  const { kind, namespace } = at;
  const sent = parsed.metadata;
  const base = sent.generateName;
  const name = sent.name ?? (base === undefined ? "" : freeName(cluster, at, base));
  const kept = { labels: sent.labels, annotations: sent.annotations, finalizers: sent.finalizers };
  const object = withMeta(
    { ...parsed, metadata: { name } },
    {
      ...kept,
      generateName: base,
      namespace: kind.namespaced ? namespace : undefined,
      ownerReferences: sent.ownerReferences,
      uid: cluster.random.uuid(),
      creationTimestamp: cluster.now(),
      generation: isCounted(kind) ? 1 : undefined,
    },
  );
  if (kind.hasStatus) delete object.status;
  return object;
}

/** The real server tries a few times before it answers 409; so does this. */
function freeName(cluster: Cluster, at: { kind: Kind; namespace: string }, base: string): string {
  for (let attempt = 0; attempt < 8; attempt++) {
    const name = generateName(cluster.random, base);
    if (!cluster.store.get(collectionOf(at.kind), keyOf(at.namespace, name))) return name;
  }
  throw status.alreadyExists(about(at.kind, base));
}

function requireNamespace(cluster: Cluster, kind: Kind, object: ApiObject) {
  const { namespace = "" } = object.metadata;
  if (!cluster.store.get("/namespaces", namespace)) {
    const what = { group: "", plural: "namespaces", kind: "Namespace", name: namespace };
    throw status.notFound(what);
  }
  admitIntoNamespace(cluster, kind, object);
}

export interface Place {
  kind: Kind;
  namespace: string;
  name: string;
  subresource: string;
}

export function getObject(cluster: Cluster, place: Omit<Place, "subresource">): ApiObject {
  const key = keyOf(place.namespace, place.name);
  const found = cluster.store.get(collectionOf(place.kind), key);
  if (!found) throw status.notFound(about(place.kind, place.name));
  return found;
}

/** Changes an object: `change` gets a copy of the present one and returns the wanted one. */
export function updateObject(
  cluster: Cluster,
  place: Place,
  change: (current: ApiObject) => unknown,
  options: WriteOptions & { replaces?: boolean },
): Written {
  const { kind, name } = place;
  const current = getObject(cluster, place);
  const { object: wanted, warnings } = parseObject(kind, change(clone(current)), options);
  if (wanted.metadata.name !== name) {
    const why = `the name of the object (${wanted.metadata.name}) does not match the name on the URL`;
    throw status.badRequest(`${why} (${name})`);
  }
  refuseConflict(kind, wanted, current, options.replaces === true);
  const next = merged(place, wanted, current);
  if (!kind.custom) defaultBuiltIn(cluster, next, current);
  refuseNewFinalizers(kind, next, current);
  // A binding is the one write that sets spec.nodeName.
  if (place.subresource !== "binding") refuseInvalid(kind, next, current);
  return { object: commit(cluster, place, next, current, options.dryRun), warnings };
}

function refuseConflict(kind: Kind, wanted: ApiObject, current: ApiObject, replaces: boolean) {
  const { name, uid, resourceVersion } = current.metadata;
  const sent = wanted.metadata;
  if (replaces && sent.resourceVersion === undefined && kind.custom) {
    const cause = {
      reason: "FieldValueInvalid",
      message: "Invalid value: 0: must be specified for an update",
      field: "metadata.resourceVersion",
    };
    throw status.invalid(about(kind, name), [cause], kind.plural);
  }
  if (sent.resourceVersion !== undefined && sent.resourceVersion !== resourceVersion) {
    throw status.modified(about(kind, name));
  }
  if (sent.uid !== undefined && sent.uid !== uid) {
    const cause = status.badValue("metadata.uid", sent.uid, "field is immutable");
    throw status.invalid(about(kind, name), [cause]);
  }
}

/** The wanted object with everything from `current` that this request must not change. */
function merged(place: Place, wanted: ApiObject, current: ApiObject): ApiObject {
  const { kind, subresource } = place;
  const ofServer = {
    name: current.metadata.name,
    namespace: current.metadata.namespace,
    generateName: current.metadata.generateName,
    uid: current.metadata.uid,
    resourceVersion: current.metadata.resourceVersion,
    generation: current.metadata.generation,
    creationTimestamp: current.metadata.creationTimestamp,
    deletionTimestamp: current.metadata.deletionTimestamp,
    deletionGracePeriodSeconds: current.metadata.deletionGracePeriodSeconds,
  };
  const next = withMeta(wanted, ofServer);
  if (subresource === "status") {
    // Of a custom object only the status changes here; of a built-in one labels and annotations too.
    const { labels, annotations, finalizers } = next.metadata;
    const base = { ...current, status: next.status };
    return kind.custom ? base : withMeta(base, { labels, annotations, finalizers });
  }
  // The server's own subresources (a pod's binding) change both halves.
  if (subresource !== "" || !kind.hasStatus) return next;
  return current.status === undefined
    ? withoutStatus(next)
    : { ...next, status: clone(current.status) };
}

function withoutStatus(object: ApiObject): ApiObject {
  const copy = { ...object };
  delete copy.status;
  return copy;
}

function refuseNewFinalizers(kind: Kind, next: ApiObject, current: ApiObject) {
  if (!current.metadata.deletionTimestamp) return;
  const before = list(current.metadata.finalizers);
  const added = list(next.metadata.finalizers).filter((name) => !before.includes(name));
  if (added.length === 0) return;
  const names = added.map((name) => JSON.stringify(name)).join(", ");
  const why = "no new finalizers can be added if the object is being deleted";
  const message = `Forbidden: ${why}, found new finalizers []string{${names}}`;
  const cause = { reason: "FieldValueForbidden", message, field: "metadata.finalizers" };
  throw status.invalid(about(kind, next.metadata.name), [cause]);
}

/** Writes `next` unless nothing changed; an object that only waited for its finalizers goes now. */
function commit(
  cluster: Cluster,
  place: Place,
  next: ApiObject,
  current: ApiObject,
  dryRun: boolean,
): ApiObject {
  if (same(next, current)) return current;
  const changed =
    isCounted(place.kind) &&
    !same(without(next, "metadata", "status"), without(current, "metadata", "status"));
  const generation = (current.metadata.generation ?? 0) + 1;
  const result = changed ? withMeta(next, { generation }) : next;
  if (dryRun) return result;
  const collection = collectionOf(place.kind);
  const key = keyOf(place.namespace, place.name);
  if (isReadyToGo(result)) {
    // The writer gets what he wrote; watches see the last state that was stored.
    const { resourceVersion } = cluster.store.remove(collection, key)?.metadata ?? {};
    return withMeta(result, { resourceVersion });
  }
  return cluster.store.put(collection, key, result);
}

/** Being deleted, nothing left to wait for. */
function isReadyToGo(object: ApiObject): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds = 0, finalizers = [] } = object.metadata;
  if (!deletionTimestamp || finalizers.length > 0 || deletionGracePeriodSeconds > 0) return false;
  return object.kind !== "Namespace";
}
