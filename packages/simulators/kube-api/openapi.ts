// Why: kubectl asks here whether the server validates fields itself (`fieldValidation` among the
// parameters of a PATCH) and `kubectl explain` reads the schema. Only as much as that is told.
import type { JsonObject } from "./api-object.ts";
import { apiVersionOf, type Kind } from "./kinds.ts";

const pathOf = (groupVersion: string) =>
  groupVersion.includes("/") ? `apis/${groupVersion}` : `api/${groupVersion}`;

/** `/openapi/v3`: the documents there are. */
export function openApiIndex(kinds: readonly Kind[], version: number): JsonObject {
  const groupVersions = [...new Set(kinds.map(apiVersionOf))];
  const entry = (path: string) => ({ serverRelativeURL: `/openapi/v3/${path}?hash=${version}` });
  return {
    paths: Object.fromEntries(
      groupVersions.map((groupVersion) => [pathOf(groupVersion), entry(pathOf(groupVersion))]),
    ),
  };
}

const queryParameters = ["dryRun", "fieldManager", "fieldValidation", "force"].map((name) => ({
  name,
  in: "query",
  schema: { type: "string", uniqueItems: true },
}));

/** The document of one group and version, e.g. `apis/actions.github.com/v1alpha1`. */
export function openApiDocument(kinds: readonly Kind[], path: string): JsonObject | undefined {
  const members = kinds.filter((kind) => pathOf(apiVersionOf(kind)) === path);
  if (members.length === 0) return undefined;
  return {
    openapi: "3.0.0",
    info: { title: "Kubernetes", version: "v1.36.3" },
    paths: Object.fromEntries(members.map((kind) => [pathName(kind), pathItem(kind)])),
    components: { schemas: Object.fromEntries(members.map((k) => [schemaName(k), schema(k)])) },
  };
}

function pathName(kind: Kind): string {
  const where = kind.namespaced ? "namespaces/{namespace}/" : "";
  return `/${pathOf(apiVersionOf(kind))}/${where}${kind.plural}/{name}`;
}

const gvk = (kind: Kind) => ({ group: kind.group, version: kind.version, kind: kind.kind });
const schemaName = (kind: Kind) =>
  [...kind.group.split(".").toReversed(), kind.version, kind.kind].filter((p) => p).join(".");

function pathItem(kind: Kind): JsonObject {
  const answer = { "200": { description: "OK" } };
  const operation = (action: string) => ({
    "x-kubernetes-action": action,
    "x-kubernetes-group-version-kind": gvk(kind),
    parameters: queryParameters,
    responses: answer,
  });
  return { get: operation("get"), patch: operation("patch"), put: operation("put") };
}

function schema(kind: Kind): JsonObject {
  const base = kind.custom?.schema ?? {
    type: "object",
    "x-kubernetes-preserve-unknown-fields": true,
  };
  return { ...base, "x-kubernetes-group-version-kind": [gvk(kind)] };
}
