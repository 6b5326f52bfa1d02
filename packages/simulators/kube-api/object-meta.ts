// Why: metadata is the server's half of every object: names, uid, times, numbers. A client may ask for
// some of it and must not change the rest (Kubernetes API conventions, "Metadata").
import type { ObjectMeta } from "@runlet/kubernetes/client";
import type { Random } from "@runlet/runtime/random";
import { isRecord, list, textAt, type ApiObject } from "./api-object.ts";
import { badValue, required, type Cause } from "./status-error.ts";

const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const subdomainSays =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', " +
  "and must start and end with an alphanumeric character (e.g. 'example.com', regex used for " +
  "validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const labelSays =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must " +
  "start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for " +
  "validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const labelKey =
  /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const labelValue = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;

/** Characters of generated names: no vowels, nothing that looks like another. */
const suffixAlphabet = "bcdfghjklmnpqrstvwxz2456789";

/** `base` and five random characters, as `metadata.generateName` asks; at most 63 characters. */
export function generateName(random: Random, base: string): string {
  const pick = () => suffixAlphabet[random.int(suffixAlphabet.length)] ?? "x";
  return base.slice(0, 58) + Array.from({ length: 5 }, pick).join("");
}

/** Seconds, as Kubernetes writes times. */
export const timestamp = (ms: number) => new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");

/** Names that may hold colons and more: those of RBAC. */
const pathNames = new Set(["Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"]);
const labelNames = new Set(["Namespace", "Service"]);

function nameCauses(kind: string, name: string): Cause[] {
  if (pathNames.has(kind)) {
    return /[/%]/.test(name) ? [badValue("metadata.name", name, "may not contain '/' or '%'")] : [];
  }
  const [shape, says, most] = labelNames.has(kind)
    ? [label, labelSays, 63]
    : [subdomain, subdomainSays, 253];
  if (!shape.test(name)) return [badValue("metadata.name", name, says)];
  if (name.length <= most) return [];
  return [badValue("metadata.name", name, `must be no more than ${most} bytes`)];
}

export const isLabelName = (name: string) => label.test(name) && name.length <= 63;
export { labelSays };

/** What is wrong with an object's metadata. */
export function validateMeta(object: ApiObject): Cause[] {
  const { metadata } = object;
  if (!metadata.name) {
    return [required("metadata.name", "name or generateName is required")];
  }
  return [
    ...nameCauses(object.kind, metadata.name),
    ...labelCauses(metadata),
    ...annotationCauses(metadata),
    ...ownerCauses(metadata),
    ...finalizerCauses(metadata),
  ];
}

function labelCauses(metadata: ObjectMeta): Cause[] {
  const says =
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', " +
    "and must start and end with an alphanumeric character";
  return Object.entries(metadata.labels ?? {}).flatMap(([key, value]) => [
    ...(labelKey.test(key) ? [] : [badValue("metadata.labels", key, "name part is not valid")]),
    ...(labelValue.test(value) ? [] : [badValue("metadata.labels", value, says)]),
  ]);
}

/** Kubernetes allows 256 KiB of annotations an object. */
const annotationsBytesMax = 262_144;

function annotationCauses(metadata: ObjectMeta): Cause[] {
  const entries = Object.entries(metadata.annotations ?? {});
  const bytes = entries.reduce(
    (sum, [k, v]) => sum + Buffer.byteLength(k) + Buffer.byteLength(v),
    0,
  );
  const causes = entries
    .filter(([key]) => !labelKey.test(key.toLowerCase()))
    .map(([key]) => badValue("metadata.annotations", key, "name part is not valid"));
  if (bytes <= annotationsBytesMax) return causes;
  const message = `Too long: may not be more than ${annotationsBytesMax} bytes`;
  return [...causes, { reason: "FieldValueTooLong", message, field: "metadata.annotations" }];
}

function ownerCauses(metadata: ObjectMeta): Cause[] {
  const owners = list(metadata.ownerReferences);
  const causes = owners.flatMap((owner) =>
    ["apiVersion", "kind", "name", "uid"]
      .filter((field) => textAt(owner, field) === "")
      .map((field) => badValue(`metadata.ownerReferences.${field}`, "", "must not be empty")),
  );
  const controllers = owners.filter((owner) => isRecord(owner) && owner.controller === true);
  if (controllers.length < 2) return causes;
  const why = "Only one reference can have Controller set to true";
  return [...causes, badValue("metadata.ownerReferences", controllers.length, why)];
}

function finalizerCauses(metadata: ObjectMeta): Cause[] {
  return list(metadata.finalizers)
    .filter((name) => typeof name !== "string" || !labelKey.test(name))
    .map((name) => badValue("metadata.finalizers", name, "name part is not valid"));
}

/** metadata of a body, with the shapes checked that everything below relies on. */
export function parseMeta(value: unknown): { metadata: ObjectMeta; wrong?: string } {
  const metadata = isRecord(value) ? value : {};
  for (const field of ["labels", "annotations"]) {
    const map = metadata[field];
    if (isRecord(map)) fillNulls(map);
    if (map === null || (isRecord(map) && Object.keys(map).length === 0)) delete metadata[field];
    else if (map !== undefined && !isTextMap(map)) {
      return { metadata: { name: "" }, wrong: `metadata.${field} must be a map of strings` };
    }
  }
  for (const field of ["finalizers", "ownerReferences"]) {
    if (metadata[field] === null || list(metadata[field]).length === 0) delete metadata[field];
  }
  for (const field of ["name", "namespace", "generateName", "uid", "resourceVersion"]) {
    const text = metadata[field];
    if (text === null || text === "") delete metadata[field];
    else if (text !== undefined && typeof text !== "string") {
      return { metadata: { name: "" }, wrong: `metadata.${field} must be a string` };
    }
  }
  // Checked just above; the name may still be missing, which validateMeta says.
  return { metadata: metadata as unknown as ObjectMeta };
}

/** A null in a map of strings becomes "": that is how the real server decodes it. */
function fillNulls(map: Record<string, unknown>) {
  for (const [key, value] of Object.entries(map)) if (value === null) map[key] = "";
}

function isTextMap(value: unknown): boolean {
  return isRecord(value) && Object.values(value).every((item) => typeof item === "string");
}
