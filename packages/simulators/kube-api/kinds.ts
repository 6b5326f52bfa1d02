// Why: which kinds the API serves, how they are addressed and selected, in one table. Custom kinds join
// it from their CRDs (custom-kinds.ts).
import type { Schema } from "./structural-schema.ts";

export interface Column {
  name: string;
  type: "string" | "integer" | "number" | "boolean" | "date";
  /** A simple JSONPath such as `.status.phase`; built-in kinds compute their cells (tables.ts). */
  jsonPath?: string;
  format?: string;
  /** 0 is shown always, more only with `-o wide`. */
  priority?: number;
  description?: string;
}

export interface Kind {
  group: string;
  version: string;
  plural: string;
  singular: string;
  kind: string;
  namespaced: boolean;
  shortNames: string[];
  categories: string[];
  /** Fields a list can be selected by, beside metadata.name and metadata.namespace. */
  fields: string[];
  hasStatus: boolean;
  /** Only for custom kinds. */
  custom?: { schema: Schema; columns: Column[] };
  /** Kinds that can only be posted (reviews): no storage. */
  virtual?: boolean;
}

export const apiVersionOf = (kind: { group: string; version: string }) =>
  kind.group === "" ? kind.version : `${kind.group}/${kind.version}`;

/** The name of a kind's collection in the store. */
export const collectionOf = (kind: { group: string; plural: string }) =>
  `${kind.group}/${kind.plural}`;

export const keyOf = (namespace: string | undefined, name: string) =>
  namespace === undefined || namespace === "" ? name : `${namespace}/${name}`;

type More = Partial<Omit<Kind, "group" | "version" | "plural" | "kind">>;

function builtIn(apiVersion: string, plural: string, kind: string, more: More = {}): Kind {
  const [version = "", group = ""] = apiVersion.split("/").toReversed();
  const singular = kind.toLowerCase();
  const base = { shortNames: [], categories: [], fields: [], hasStatus: false, namespaced: true };
  return { group, version, plural, kind, singular, ...base, ...more };
}

const rbac = "rbac.authorization.k8s.io/v1";
const cluster = { namespaced: false };
const eventFields = [
  ...["kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath"].map(
    (field) => `involvedObject.${field}`,
  ),
  "reason",
  "reportingComponent",
  "source",
  "type",
];
const podFields = [
  "spec.nodeName",
  "spec.restartPolicy",
  "spec.schedulerName",
  "spec.serviceAccountName",
  "status.phase",
  "status.podIP",
];

/** The built-in kinds that Runlet, its charts and kubectl use. */
export const builtInKinds: readonly Kind[] = [
  builtIn("v1", "namespaces", "Namespace", {
    ...cluster,
    shortNames: ["ns"],
    hasStatus: true,
    fields: ["status.phase"],
  }),
  builtIn("v1", "pods", "Pod", {
    shortNames: ["po"],
    categories: ["all"],
    hasStatus: true,
    fields: podFields,
  }),
  builtIn("v1", "secrets", "Secret", { fields: ["type"] }),
  builtIn("v1", "configmaps", "ConfigMap", { shortNames: ["cm"] }),
  builtIn("v1", "serviceaccounts", "ServiceAccount", { shortNames: ["sa"] }),
  builtIn("v1", "events", "Event", { shortNames: ["ev"], fields: eventFields }),
  builtIn("v1", "nodes", "Node", {
    ...cluster,
    shortNames: ["no"],
    hasStatus: true,
    fields: ["spec.unschedulable"],
  }),
  builtIn("v1", "services", "Service", {
    shortNames: ["svc"],
    categories: ["all"],
    hasStatus: true,
  }),
  builtIn("v1", "resourcequotas", "ResourceQuota", { shortNames: ["quota"], hasStatus: true }),
  builtIn("apps/v1", "deployments", "Deployment", {
    shortNames: ["deploy"],
    categories: ["all"],
    hasStatus: true,
  }),
  builtIn("coordination.k8s.io/v1", "leases", "Lease"),
  builtIn("policy/v1", "poddisruptionbudgets", "PodDisruptionBudget", {
    shortNames: ["pdb"],
    hasStatus: true,
  }),
  builtIn("scheduling.k8s.io/v1", "priorityclasses", "PriorityClass", {
    ...cluster,
    shortNames: ["pc"],
  }),
  builtIn(rbac, "roles", "Role"),
  builtIn(rbac, "rolebindings", "RoleBinding"),
  builtIn(rbac, "clusterroles", "ClusterRole", cluster),
  builtIn(rbac, "clusterrolebindings", "ClusterRoleBinding", cluster),
  builtIn("apiextensions.k8s.io/v1", "customresourcedefinitions", "CustomResourceDefinition", {
    ...cluster,
    shortNames: ["crd", "crds"],
    categories: ["api-extensions"],
    hasStatus: true,
  }),
  builtIn("authorization.k8s.io/v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview", {
    ...cluster,
    virtual: true,
  }),
  builtIn("authentication.k8s.io/v1", "selfsubjectreviews", "SelfSubjectReview", {
    ...cluster,
    virtual: true,
  }),
];
