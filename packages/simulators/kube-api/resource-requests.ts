// Why: one function answers every request on a resource, verb by verb. Parsing of bodies and options stands
// here, so that reads, writes and deletes see only values.
import { parse as parseYaml } from "yaml";
import { at, isRecord, type ApiObject, type JsonObject } from "./api-object.ts";
import type { Authentication, User } from "./authentication.ts";
import { about, type Cluster } from "./cluster.ts";
import { deleteObject, type DeleteOptions } from "./deletes.ts";
import { parseJson, stringifyJson } from "./json.ts";
import { applyJsonPatch } from "./json-patch.ts";
import { apiVersionOf, type Kind } from "./kinds.ts";
import { applyMergePatch } from "./merge-patch.ts";
import { bindPod, podLog, type PodLogs } from "./pod-subresources.ts";
import type { RbacObjects } from "./rbac.ts";
import { listObjects } from "./reads.ts";
import type { RequestInfo } from "./request-info.ts";
import { requestToken, reviewAccess, reviewSelf } from "./reviews.ts";
import {
  badRequest,
  badValue,
  invalid,
  noSuchPath,
  StatusError,
  unsupportedMediaType,
} from "./status-error.ts";
import { applyStrategicMergePatch } from "./strategic-merge-patch.ts";
import { metadataOnly, toTable } from "./tables.ts";
import type { Line, OpenWatches } from "./watches.ts";
import {
  createObject,
  getObject,
  updateObject,
  type WriteOptions,
  type Written,
} from "./writes.ts";

export interface ResourceRequest {
  info: RequestInfo;
  kind: Kind;
  query: URLSearchParams;
  accept: string;
  contentType: string;
  body: string;
  user: User;
  line: Line;
}

export interface Answer {
  status: number;
  body: string | ReadableStream | null;
  contentType?: string;
  warnings?: string[];
}

export interface ResourceDeps {
  cluster: Cluster;
  watches: OpenWatches;
  authentication: Authentication;
  rbac: RbacObjects;
  logs: PodLogs;
}

const json = (status: number, value: unknown, warnings: string[] = []): Answer => ({
  status,
  body: stringifyJson(value),
  warnings,
});

/** Answers a request that was authenticated and authorised. Throws StatusError. */
export function answerResource(deps: ResourceDeps, request: ResourceRequest): Answer {
  const { info, kind } = request;
  if (kind.virtual) return json(201, review(deps, request));
  if (info.subresource !== "" && info.subresource !== "status") {
    return answerSubresource(deps, request);
  }
  if (info.subresource === "status" && !kind.hasStatus) throw noSuchPath();
  switch (info.verb) {
    case "get":
      return json(200, showOne(deps.cluster, request, getObject(deps.cluster, placeOf(request))));
    case "list":
      return json(200, showList(deps.cluster, request));
    case "watch":
      return watch(deps, request);
    case "create":
      return create(deps, request);
    case "update":
      return update(deps, request, () => parseBody(request), { replaces: true });
    case "patch":
      return update(deps, request, patchOf(request), { replaces: false });
    case "delete":
      return remove(deps, request);
    default:
      throw notAllowed();
  }
}

const notAllowed = () =>
  new StatusError(
    405,
    "MethodNotAllowed",
    "the server does not allow this method on the requested resource",
    {},
  );

const placeOf = ({ info, kind }: ResourceRequest) => ({
  kind,
  namespace: info.namespace,
  name: info.name,
  subresource: info.subresource,
});

function review(deps: ResourceDeps, request: ResourceRequest): JsonObject {
  if (request.info.verb !== "create") throw notAllowed();
  if (request.kind.kind === "SelfSubjectReview") return reviewSelf(request.user);
  return reviewAccess(deps.rbac, request.user, parseBody(request));
}

function answerSubresource(deps: ResourceDeps, request: ResourceRequest): Answer {
  const { info, kind } = request;
  const place = placeOf(request);
  if (kind.kind === "Pod" && info.subresource === "log" && info.verb === "get") {
    const body = podLog(deps.cluster, place, request.query, deps.logs);
    if (body === undefined) return { status: 204, body: null, contentType: "text/plain" };
    return { status: 200, body, contentType: "text/plain" };
  }
  if (kind.kind === "Pod" && info.subresource === "binding" && info.verb === "create") {
    bindPod(deps.cluster, place, parseBody(request));
    return json(201, { ...success(), code: 201 });
  }
  if (kind.kind === "ServiceAccount" && info.subresource === "token" && info.verb === "create") {
    getObject(deps.cluster, place);
    return json(201, requestToken(deps.authentication, place, parseBody(request)));
  }
  throw noSuchPath();
}

const success = () => ({ kind: "Status", apiVersion: "v1", metadata: {}, status: "Success" });

function parseBody(request: ResourceRequest): unknown {
  if (request.body === "") return undefined;
  // kubectl's typed commands (`create namespace`) speak protobuf; the ones that read files do not.
  if (request.contentType.includes("protobuf")) {
    throw unsupportedMediaType(["application/json", "application/yaml"]);
  }
  try {
    if (request.contentType.includes("yaml")) return parseYaml(request.body);
    return parseJson(request.body);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw badRequest(`the object provided is unrecognized: ${why}`);
  }
}

function writeOptions(query: URLSearchParams): WriteOptions {
  const wanted = query.get("fieldValidation");
  const dryRun = query.get("dryRun");
  if (dryRun !== null && dryRun !== "" && dryRun !== "All") {
    throw badRequest(`invalid dryRun value: ${dryRun}`);
  }
  const fieldValidation = wanted === "Strict" || wanted === "Ignore" ? wanted : "Warn";
  return { fieldValidation, dryRun: dryRun === "All" };
}

function create(deps: ResourceDeps, request: ResourceRequest): Answer {
  const { info, kind } = request;
  if (info.name !== "") throw notAllowed();
  if (kind.namespaced && info.namespace === "") throw notAllowed();
  const options = writeOptions(request.query);
  const at = { kind, namespace: info.namespace };
  return written(deps, request, 201, createObject(deps.cluster, at, parseBody(request), options));
}

function update(
  deps: ResourceDeps,
  request: ResourceRequest,
  change: (current: ApiObject) => unknown,
  more: { replaces: boolean },
): Answer {
  if (request.info.name === "") throw notAllowed();
  const options = { ...writeOptions(request.query), ...more };
  const result = updateObject(deps.cluster, placeOf(request), change, options);
  return written(deps, request, 200, result);
}

const written = (deps: ResourceDeps, request: ResourceRequest, status: number, done: Written) =>
  json(status, showOne(deps.cluster, request, done.object), done.warnings);

/** What a PATCH does to the present object, by its content type. */
function patchOf(request: ResourceRequest): (current: ApiObject) => unknown {
  const patch = parseBody(request);
  const patches: Record<string, (current: ApiObject) => unknown> = {
    "application/json-patch+json": (current) => applyJsonPatch(current, patch),
    "application/merge-patch+json": (current) => applyMergePatch(current, patch),
    ...(request.kind.custom
      ? {}
      : {
          "application/strategic-merge-patch+json": (current: ApiObject) =>
            applyStrategicMergePatch(current, patch),
        }),
  };
  const found = patches[request.contentType.split(";")[0]?.trim() ?? ""];
  if (!found) throw unsupportedMediaType(Object.keys(patches));
  if (!request.contentType.startsWith("application/json-patch") && !isRecord(patch)) {
    throw badRequest("error decoding patch: not an object");
  }
  return (current) => stillTyped(request.kind, found(current), current);
}

/** A patch that takes the kind away leaves nothing that could be decoded. */
function stillTyped(kind: Kind, patched: unknown, current: ApiObject): unknown {
  if (!kind.custom || typeof at(patched, "kind") === "string") return patched;
  const cause = badValue("patch", patched, "Object 'Kind' is missing");
  throw invalid(about(kind, current.metadata.name), [cause]);
}

function remove(deps: ResourceDeps, request: ResourceRequest): Answer {
  const options = parseDeleteOptions(parseBody(request), request.query);
  const { gone, object } = deleteObject(deps.cluster, placeOf(request), options);
  // A pod is shown even when it is gone (its storage returns deleted objects).
  if (!gone || request.kind.kind === "Pod")
    return json(200, showOne(deps.cluster, request, object));
  const { name, group, plural } = about(request.kind, request.info.name);
  const inGroup = group === "" ? {} : { group };
  const details = { name, ...inGroup, kind: plural, uid: object.metadata.uid };
  return json(200, { ...success(), details });
}

function parseDeleteOptions(body: unknown, query: URLSearchParams): DeleteOptions {
  const text = (value: unknown) => (typeof value === "string" && value !== "" ? value : undefined);
  const uid = text(at(body, "preconditions", "uid"));
  const resourceVersion = text(at(body, "preconditions", "resourceVersion"));
  const asked = at(body, "gracePeriodSeconds") ?? query.get("gracePeriodSeconds") ?? undefined;
  const policy = text(at(body, "propagationPolicy")) ?? query.get("propagationPolicy");
  const known = ["Background", "Foreground", "Orphan"] as const;
  const propagation = known.find((candidate) => candidate === policy);
  if (policy !== null && propagation === undefined) {
    throw badRequest(`invalid propagation policy: ${policy}`);
  }
  const dryRun = query.get("dryRun") === "All" || at(body, "dryRun") !== undefined;
  return {
    dryRun,
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
    ...(asked === undefined ? {} : { graceSeconds: Number(asked) }),
    ...(propagation === undefined ? {} : { propagation }),
  };
}

const wantsTable = (accept: string) => accept.includes("as=Table");
const wantsMetadata = (accept: string) => accept.includes("as=PartialObjectMetadata");

function showOne(cluster: Cluster, request: ResourceRequest, object: ApiObject): unknown {
  if (wantsTable(request.accept)) return table(cluster, request, [object], true);
  return wantsMetadata(request.accept) ? metadataOnly(object) : object;
}

function table(
  cluster: Cluster,
  request: ResourceRequest,
  objects: readonly ApiObject[],
  columns: boolean,
  metadata: JsonObject = { resourceVersion: objects[0]?.metadata.resourceVersion },
): JsonObject {
  const include = request.query.get("includeObject") ?? "Metadata";
  const now = cluster.clock.wallMs();
  return toTable(request.kind, objects, { now, include, metadata, columns });
}

function showList(cluster: Cluster, request: ResourceRequest): unknown {
  const { kind, query, accept } = request;
  const page = listObjects(cluster, scopeOf(request), query);
  if (wantsTable(accept)) return table(cluster, request, page.items, true, page.metadata);
  if (wantsMetadata(accept)) {
    const list = { kind: "PartialObjectMetadataList", apiVersion: "meta.k8s.io/v1" };
    return { ...list, metadata: page.metadata, items: page.items.map(metadataOnly) };
  }
  const { items, metadata } = page;
  // Items of built-in lists carry no kind of their own, those of custom ones do.
  const bare = (object: ApiObject) => ({ ...object, kind: undefined, apiVersion: undefined });
  return {
    kind: `${kind.kind}List`,
    apiVersion: apiVersionOf(kind),
    metadata: kind.custom ? { continue: "", ...metadata } : metadata,
    items: kind.custom ? items : items.map(bare),
  };
}

const scopeOf = ({ info, kind }: ResourceRequest) => ({
  kind,
  namespace: info.namespace,
  name: info.name,
});

function watch(deps: ResourceDeps, request: ResourceRequest): Answer {
  let columns = true;
  const show = (object: ApiObject) => {
    if (wantsMetadata(request.accept)) return metadataOnly(object);
    if (!wantsTable(request.accept)) return object;
    const shown = table(deps.cluster, request, [object], columns);
    columns = false;
    return shown;
  };
  const body = deps.watches.open(scopeOf(request), request.query, show, request.line);
  return { status: 200, body };
}
