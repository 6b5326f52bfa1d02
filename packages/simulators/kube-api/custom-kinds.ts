// Why: a CustomResourceDefinition in the store becomes a kind that is served. Its status says so, as the
// real server's establishing controller does; kubectl and helm wait for it.
import { at, clone, isRecord, list, record, textAt, type ApiObject } from "./api-object.ts";
import type { Column, Kind } from "./kinds.ts";
import type { Schema } from "./structural-schema.ts";
import { badValue, required, type Cause } from "./status-error.ts";

const strings = (value: unknown) => list(value).filter((item) => typeof item === "string");

/** The kinds that a CRD makes, one for each served version. */
export function kindsOfDefinition(crd: ApiObject): Kind[] {
  const names = record(at(crd, "spec", "names"));
  return list(at(crd, "spec", "versions"))
    .filter((version) => at(version, "served") === true)
    .map((version) => ({
      group: textAt(crd, "spec", "group"),
      version: textAt(version, "name"),
      plural: textAt(names, "plural"),
      singular: textAt(names, "singular") || textAt(names, "kind").toLowerCase(),
      kind: textAt(names, "kind"),
      namespaced: textAt(crd, "spec", "scope") === "Namespaced",
      shortNames: strings(names.shortNames),
      categories: strings(names.categories),
      fields: list(at(version, "selectableFields")).map((f) => textAt(f, "jsonPath").slice(1)),
      hasStatus: isRecord(at(version, "subresources", "status")),
      custom: { schema: schemaOf(version), columns: columnsOf(version) },
    }));
}

/** The version's schema, with what every object has: apiVersion, kind and metadata. */
function schemaOf(version: unknown): Schema {
  // The CRD was validated when it was written (validateDefinition): this is a structural schema.
  const schema = clone(record(at(version, "schema", "openAPIV3Schema"))) as Schema;
  const metadata: Schema = { type: "object", "x-kubernetes-preserve-unknown-fields": true };
  const own = { apiVersion: { type: "string" }, kind: { type: "string" }, metadata };
  return { ...schema, properties: { ...schema.properties, ...own } };
}

const columnTypes: readonly string[] = ["string", "integer", "number", "boolean", "date"];

function columnsOf(version: unknown): Column[] {
  const columns = list(at(version, "additionalPrinterColumns")).map((column): Column => {
    const type = textAt(column, "type");
    const priority = at(column, "priority");
    return {
      name: textAt(column, "name"),
      // One of the listed words, or shown as text.
      type: columnTypes.includes(type) ? (type as Column["type"]) : "string",
      jsonPath: textAt(column, "jsonPath"),
      ...(typeof priority === "number" ? { priority } : {}),
    };
  });
  if (columns.length > 0) return columns;
  return [{ name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" }];
}

/** What is wrong with a CRD; an empty list if it can be served. */
export function validateDefinition(crd: ApiObject): Cause[] {
  const causes: Cause[] = [];
  const need = (field: string) => {
    const found = textAt(crd, ...field.split("."));
    if (found === "") causes.push(required(field));
    return found;
  };
  const expected = `${need("spec.names.plural")}.${need("spec.group")}`;
  need("spec.names.kind");
  if (crd.metadata.name !== expected) {
    const why = `must be spec.names.plural+"."+spec.group`;
    causes.push(badValue("metadata.name", crd.metadata.name, why));
  }
  const versions = list(at(crd, "spec", "versions"));
  if (versions.length === 0) causes.push(required("spec.versions"));
  for (const [index, version] of versions.entries()) {
    const field = `spec.versions[${index}].schema.openAPIV3Schema`;
    if (!isRecord(at(version, "schema", "openAPIV3Schema"))) {
      causes.push(required(field, "schemas are required"));
    }
  }
  return causes;
}

/** The status of a served CRD. */
export function establishedStatus(crd: ApiObject, now: string) {
  const condition = (type: string, reason: string, message: string) => ({
    type,
    status: "True",
    lastTransitionTime: now,
    reason,
    message,
  });
  const stored = list(at(crd, "spec", "versions")).filter((v) => at(v, "storage") === true);
  return {
    conditions: [
      condition("NamesAccepted", "NoConflicts", "no conflicts found"),
      condition("Established", "InitialNamesAccepted", "the initial names have been accepted"),
    ],
    acceptedNames: clone(record(at(crd, "spec", "names"))),
    storedVersions: stored.map((version) => textAt(version, "name")),
  };
}
