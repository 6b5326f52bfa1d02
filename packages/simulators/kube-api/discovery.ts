// Why: kubectl learns from here which kinds there are and what they are called: in one document since
// Kubernetes 1.27 (aggregated discovery), group by group for older clients.
import type { JsonObject } from "./api-object.ts";
import { apiVersionOf, type Kind } from "./kinds.ts";

const verbs = ["create", "delete", "get", "list", "patch", "update", "watch"];
const verbsOf = (kind: Kind) => (kind.virtual ? ["create"] : verbs);

interface Subresource {
  name: string;
  verbs: string[];
  kind?: string;
}

/** The subresources of a kind that this server answers. */
export function subresourcesOf(kind: Kind): Subresource[] {
  const found: Subresource[] = [];
  if (kind.hasStatus) found.push({ name: "status", verbs: ["get", "patch", "update"] });
  if (kind.kind === "Pod") {
    found.push({ name: "log", verbs: ["get"] });
    found.push({ name: "binding", verbs: ["create"], kind: "Binding" });
  }
  if (kind.kind === "ServiceAccount") {
    found.push({ name: "token", verbs: ["create"], kind: "TokenRequest" });
  }
  return found;
}

const groupsOf = (kinds: readonly Kind[]) => [...new Set(kinds.map((kind) => kind.group))];
const versionsOf = (kinds: readonly Kind[], group: string) => [
  ...new Set(kinds.filter((kind) => kind.group === group).map((kind) => kind.version)),
];

/** `/api` or `/apis` for clients that understand the aggregated form. */
export function aggregatedDiscovery(kinds: readonly Kind[], core: boolean): JsonObject {
  const groups = groupsOf(kinds).filter((group) => (group === "") === core);
  return {
    kind: "APIGroupDiscoveryList",
    apiVersion: "apidiscovery.k8s.io/v2",
    metadata: {},
    items: groups.map((group) => ({
      metadata: { name: group, creationTimestamp: null },
      versions: versionsOf(kinds, group).map((version) => ({
        version,
        freshness: "Current",
        resources: kinds
          .filter((kind) => kind.group === group && kind.version === version)
          .map(aggregatedResource),
      })),
    })),
  };
}

function aggregatedResource(kind: Kind): JsonObject {
  const responseKind = { group: kind.group, version: kind.version, kind: kind.kind };
  return {
    resource: kind.plural,
    responseKind,
    scope: kind.namespaced ? "Namespaced" : "Cluster",
    singularResource: kind.singular,
    verbs: verbsOf(kind),
    ...(kind.shortNames.length > 0 ? { shortNames: kind.shortNames } : {}),
    ...(kind.categories.length > 0 ? { categories: kind.categories } : {}),
    subresources: subresourcesOf(kind).map((sub) => ({
      subresource: sub.name,
      responseKind: { ...responseKind, kind: sub.kind ?? kind.kind },
      verbs: sub.verbs,
    })),
  };
}

/** `/api` in the old form. */
export const coreVersions = (): JsonObject => ({
  kind: "APIVersions",
  versions: ["v1"],
  serverAddressByClientCIDRs: [],
});

/** `/apis` in the old form. */
export function groupList(kinds: readonly Kind[]): JsonObject {
  const groups = groupsOf(kinds).filter((group) => group !== "");
  return {
    kind: "APIGroupList",
    apiVersion: "v1",
    groups: groups.map((group) => describeGroup(kinds, group)),
  };
}

export function describeGroup(kinds: readonly Kind[], group: string): JsonObject {
  const versions = versionsOf(kinds, group).map((version) => ({
    groupVersion: `${group}/${version}`,
    version,
  }));
  return { name: group, versions, preferredVersion: versions[0] };
}

/** `/api/v1` or `/apis/GROUP/VERSION`; undefined if there is no such version. */
export function resourceList(kinds: readonly Kind[], groupVersion: string): JsonObject | undefined {
  const members = kinds.filter((kind) => apiVersionOf(kind) === groupVersion);
  if (members.length === 0) return undefined;
  return {
    kind: "APIResourceList",
    apiVersion: "v1",
    groupVersion,
    resources: members.flatMap((kind) => [
      {
        name: kind.plural,
        singularName: kind.singular,
        namespaced: kind.namespaced,
        kind: kind.kind,
        verbs: verbsOf(kind),
        ...(kind.shortNames.length > 0 ? { shortNames: kind.shortNames } : {}),
        ...(kind.categories.length > 0 ? { categories: kind.categories } : {}),
      },
      ...subresourcesOf(kind).map((sub) => ({
        name: `${kind.plural}/${sub.name}`,
        singularName: "",
        namespaced: kind.namespaced,
        kind: sub.kind ?? kind.kind,
        verbs: sub.verbs,
      })),
    ]),
  };
}
