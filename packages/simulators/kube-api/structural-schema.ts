// Why: a custom resource is what its CRD's schema says: unknown fields are pruned (and named, for strict
// validation), defaults filled in, and the rest checked with the messages a user sees from kubectl
// (Kubernetes docs, "Extend the Kubernetes API with CustomResourceDefinitions").
import { clone, isRecord, type JsonObject } from "./api-object.ts";
import { badValue, required, type Cause } from "./status-error.ts";

/** The part of OpenAPI v3 that structural schemas use and our CRDs need. */
export interface Schema {
  type?: string;
  format?: string;
  properties?: Record<string, Schema>;
  additionalProperties?: Schema | boolean;
  items?: Schema;
  required?: string[];
  default?: unknown;
  enum?: unknown[];
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  pattern?: string;
  nullable?: boolean;
  description?: string;
  "x-kubernetes-preserve-unknown-fields"?: boolean;
  "x-kubernetes-int-or-string"?: boolean;
  "x-kubernetes-embedded-resource"?: boolean;
}

const child = (path: string, key: string) => (path === "" ? key : `${path}.${key}`);

function schemaOf(schema: Schema, key: string): Schema | undefined {
  const property = schema.properties?.[key];
  if (property) return property;
  return isRecord(schema.additionalProperties) ? schema.additionalProperties : undefined;
}

const keepsUnknown = (schema: Schema) =>
  schema["x-kubernetes-preserve-unknown-fields"] === true || schema.additionalProperties === true;

/** Removes from `value`, in place, what the schema does not know; returns the removed paths. */
export function prune(value: unknown, schema: Schema, path = ""): string[] {
  const gone: string[] = [];
  if (Array.isArray(value) && schema.items) {
    for (const [index, item] of value.entries()) {
      gone.push(...prune(item, schema.items, `${path}[${index}]`));
    }
  }
  if (!isRecord(value)) return gone;
  for (const key of Object.keys(value)) {
    const known = schemaOf(schema, key);
    if (known) gone.push(...prune(value[key], known, child(path, key)));
    else if (!keepsUnknown(schema)) {
      delete value[key];
      gone.push(child(path, key));
    }
  }
  return gone;
}

/** Fills in defaults in place; a null where null is not allowed is an absent field. */
export function fillDefaults(value: unknown, schema: Schema): void {
  if (Array.isArray(value) && schema.items) {
    for (const item of value) fillDefaults(item, schema.items);
  }
  if (!isRecord(value)) return;
  for (const [key, property] of Object.entries(schema.properties ?? {})) {
    if (value[key] === null && !property.nullable) delete value[key];
    if (value[key] === undefined && property.default !== undefined) {
      value[key] = clone(property.default);
    }
  }
  for (const key of Object.keys(value)) {
    const known = schemaOf(schema, key);
    if (known) fillDefaults(value[key], known);
  }
}

/** What is wrong with `value`; an empty list if nothing is. */
export function validate(value: unknown, schema: Schema, path = ""): Cause[] {
  if (value === null && schema.nullable) return [];
  if (schema["x-kubernetes-int-or-string"]) {
    return isWhole(value) || typeof value === "string"
      ? []
      : [typeCause(path, value, "integer,string")];
  }
  if (schema.type !== undefined && !hasType(value, schema.type)) {
    return [typeCause(path, value, schema.type)];
  }
  const causes = [...validateEnum(value, schema, path)];
  if (typeof value === "string") causes.push(...validateText(value, schema, path));
  if (typeof value === "number" || typeof value === "bigint") {
    causes.push(...validateNumber(value, schema, path));
  }
  if (Array.isArray(value)) causes.push(...validateList(value, schema, path));
  if (isRecord(value)) causes.push(...validateFields(value, schema, path));
  return causes;
}

function validateFields(value: JsonObject, schema: Schema, path: string): Cause[] {
  const causes: Cause[] = [];
  for (const key of Object.keys(value)) {
    const known = schemaOf(schema, key);
    if (known && value[key] !== undefined) {
      causes.push(...validate(value[key], known, child(path, key)));
    }
  }
  for (const key of schema.required ?? []) {
    if (value[key] === undefined) causes.push(required(child(path, key)));
  }
  return causes;
}

function validateList(value: unknown[], schema: Schema, path: string): Cause[] {
  const { items, minItems, maxItems } = schema;
  const causes: Cause[] = [];
  const where = `${path} in body should have at`;
  if (minItems !== undefined && value.length < minItems) {
    causes.push(badValue(path, value.length, `${where} least ${minItems} items`));
  }
  if (maxItems !== undefined && value.length > maxItems) {
    causes.push(badValue(path, value.length, `${where} most ${maxItems} items`));
  }
  if (items) {
    for (const [index, item] of value.entries()) {
      causes.push(...validate(item, items, `${path}[${index}]`));
    }
  }
  return causes;
}

function validateText(value: string, schema: Schema, path: string): Cause[] {
  const causes: Cause[] = [];
  const where = `${path} in body should`;
  if (schema.pattern !== undefined && !new RegExp(schema.pattern, "u").test(value)) {
    causes.push(badValue(path, value, `${where} match '${schema.pattern}'`));
  }
  if (schema.minLength !== undefined && value.length < schema.minLength) {
    causes.push(badValue(path, value, `${where} be at least ${schema.minLength} chars long`));
  }
  if (schema.maxLength !== undefined && value.length > schema.maxLength) {
    const message = `Too long: may not be more than ${schema.maxLength} bytes`;
    causes.push({ reason: "FieldValueTooLong", message, field: path });
  }
  if (schema.format === "date-time" && Number.isNaN(Date.parse(value))) {
    causes.push(badValue(path, value, `${path} in body must be of type date-time: "${value}"`));
  }
  return causes;
}

const int64Max = 2n ** 63n - 1n;

function validateNumber(value: number | bigint, schema: Schema, path: string): Cause[] {
  const causes: Cause[] = [];
  const shown = typeof value === "bigint" ? value.toString() : value;
  const bad = (why: string) => causes.push(badValue(path, shown, `${path} in body ${why}`));
  const beyond = (limit: bigint) => value > limit || value < -limit - 1n;
  if (schema.format === "int32" && beyond(2n ** 31n - 1n)) bad("must be of type int32");
  else if (schema.type === "integer" && beyond(int64Max)) bad("must be of type int64");
  if (schema.minimum !== undefined && value < schema.minimum) {
    bad(`should be greater than or equal to ${schema.minimum}`);
  }
  if (schema.maximum !== undefined && value > schema.maximum) {
    bad(`should be less than or equal to ${schema.maximum}`);
  }
  return causes;
}

function validateEnum(value: unknown, schema: Schema, path: string): Cause[] {
  if (!schema.enum || schema.enum.includes(value)) return [];
  const supported = schema.enum.map((item) => JSON.stringify(item)).join(", ");
  const message = `Unsupported value: ${JSON.stringify(value)}: supported values: ${supported}`;
  return [{ reason: "FieldValueNotSupported", message, field: path }];
}

const isWhole = (value: unknown) => typeof value === "bigint" || Number.isInteger(value);

function hasType(value: unknown, type: string): boolean {
  switch (type) {
    case "object":
      return isRecord(value);
    case "array":
      return Array.isArray(value);
    case "integer":
      return isWhole(value);
    case "number":
      return typeof value === "number" || typeof value === "bigint";
    default:
      return typeof value === type;
  }
}

function typeOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "bigint" || Number.isInteger(value)) return "integer";
  return typeof value;
}

/** A wrong type names the type it found, not the value: so does the real server. */
function typeCause(path: string, value: unknown, wanted: string): Cause {
  const found = JSON.stringify(typeOf(value));
  const where = path === "" ? "body" : `${path} in body`;
  const why = `${where} must be of type ${wanted}: ${found}`;
  return { ...badValue(path, typeOf(value), why), reason: "FieldValueTypeInvalid" };
}
