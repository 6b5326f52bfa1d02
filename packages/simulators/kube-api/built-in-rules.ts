// Why: built-in kinds have no schema here; these are the rules of theirs that a client of ours can meet:
// defaults, refusals, and what an object looks like after it was written.
import { at, isRecord, list, record, same, textAt, type ApiObject } from "./api-object.ts";
import { about, type Cluster } from "./cluster.ts";
import { establishedStatus, validateDefinition } from "./custom-kinds.ts";
import { keyOf, type Kind } from "./kinds.ts";
import { admitPod, defaultPod, newPodStatus, validatePod, validatePodUpdate } from "./pod-rules.ts";
import { badRequest, badValue, forbidden, required, type Cause } from "./status-error.ts";

/** Defaults of a new or changed object, in place. `old` is undefined for a new one. */
export function defaultBuiltIn(cluster: Cluster, object: ApiObject, old?: ApiObject): void {
  dropNulls(object);
  switch (object.kind) {
    case "Pod":
      defaultPod(object);
      if (!old) object.status = newPodStatus();
      break;
    case "Namespace":
      if (!old) {
        const labels = { "kubernetes.io/metadata.name": object.metadata.name };
        object.metadata.labels = { ...object.metadata.labels, ...labels };
        object.spec = { finalizers: ["kubernetes"] };
        object.status = { phase: "Active" };
      }
      break;
    case "Secret":
      defaultSecret(object);
      break;
    case "CustomResourceDefinition":
      defaultDefinition(object);
      object.status = establishedStatus(object, old ? conditionTime(old) : cluster.now());
      break;
    case "RoleBinding":
    case "ClusterRoleBinding":
      defaultBinding(object);
      break;
    default:
  }
}

/** A null field of a built-in object is an absent one; in a map of strings it is "". */
function dropNulls(object: ApiObject) {
  for (const [key, value] of Object.entries(object)) if (value === null) delete object[key];
  if (object.kind !== "ConfigMap" || !isRecord(object.data)) return;
  for (const [key, value] of Object.entries(object.data)) object.data[key] = value ?? "";
  if (Object.keys(object.data).length === 0) delete object.data;
}

const conditionTime = (crd: ApiObject) =>
  textAt(list(at(crd, "status", "conditions"))[0], "lastTransitionTime");

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

function defaultSecret(secret: ApiObject) {
  const plain = record(secret.stringData);
  const data = { ...record(secret.data) };
  for (const [key, value] of Object.entries(plain)) {
    data[key] = Buffer.from(String(value)).toString("base64");
  }
  for (const value of Object.values(data)) {
    if (typeof value === "string" && base64.test(value)) continue;
    throw badRequest('Secret in version "v1" cannot be handled as a Secret: illegal base64 data');
  }
  delete secret.stringData;
  if (Object.keys(data).length > 0) secret.data = data;
  secret.type ??= "Opaque";
}

function defaultDefinition(crd: ApiObject) {
  const names = record(at(crd, "spec", "names"));
  if (typeof names.kind !== "string") return;
  names.singular ??= names.kind.toLowerCase();
  names.listKind ??= `${names.kind}List`;
  if (isRecord(crd.spec)) crd.spec.conversion ??= { strategy: "None" };
}

function defaultBinding(binding: ApiObject) {
  const group = "rbac.authorization.k8s.io";
  if (isRecord(binding.roleRef)) binding.roleRef.apiGroup ??= group;
  for (const subject of list(binding.subjects)) {
    if (!isRecord(subject)) continue;
    if (subject.kind !== "ServiceAccount") subject.apiGroup ??= group;
  }
}

/** Refuses a new object as admission does; throws 403. */
export function admitBuiltIn(cluster: Cluster, kind: Kind, object: ApiObject): void {
  if (object.kind === "Pod") admitPod(cluster, kind, object);
}

const immutable = (field: string, value: unknown) => badValue(field, value, "field is immutable");

/** What is wrong with an object, or with changing `old` to it. */
export function validateBuiltIn(object: ApiObject, old?: ApiObject): Cause[] {
  switch (object.kind) {
    case "Pod":
      return old ? validatePodUpdate(object, old) : validatePod(object);
    case "CustomResourceDefinition":
      return validateDefinition(object);
    case "Secret":
    case "ConfigMap":
      return validateData(object, old);
    case "RoleBinding":
    case "ClusterRoleBinding":
      return validateBinding(object, old);
    default:
      return [];
  }
}

const dataKey = /^[-._a-zA-Z0-9]+$/;

function validateData(object: ApiObject, old?: ApiObject): Cause[] {
  const causes = Object.keys(record(object.data))
    .filter((key) => !dataKey.test(key))
    .map((key) =>
      badValue(
        `data[${key}]`,
        key,
        "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
      ),
    );
  if (!old) return causes;
  if (object.kind === "Secret" && object.type !== old.type) {
    causes.push(immutable("type", object.type));
  }
  if (old.immutable === true && !same(object.data, old.data)) {
    const message = "Forbidden: field is immutable when `immutable` is set";
    causes.push({ reason: "FieldValueForbidden", message, field: "data" });
  }
  return causes;
}

function validateBinding(binding: ApiObject, old?: ApiObject): Cause[] {
  if (old && !same(binding.roleRef, old.roleRef)) {
    return [badValue("roleRef", binding.roleRef, "cannot change roleRef")];
  }
  return textAt(binding, "roleRef", "name") === "" ? [required("roleRef.name")] : [];
}

/** Objects that appear by themselves once this one was created. */
export function followers(object: ApiObject): ApiObject[] {
  if (object.kind !== "Namespace") return [];
  const metadata = { name: "default", namespace: object.metadata.name };
  return [{ apiVersion: "v1", kind: "ServiceAccount", metadata }];
}

/** Refuses to write into a namespace that is not there or is being deleted. */
export function admitIntoNamespace(cluster: Cluster, kind: Kind, object: ApiObject): void {
  const { namespace = "", name } = object.metadata;
  const found = cluster.store.get("/namespaces", keyOf("", namespace));
  if (!found?.metadata.deletionTimestamp) return;
  const why = `unable to create new content in namespace ${namespace} because it is being terminated`;
  const message = `namespace ${namespace} is being terminated`;
  const cause = { reason: "NamespaceTerminating", message, field: "metadata.namespace" };
  throw forbidden(about(kind, name), why, [cause]);
}
