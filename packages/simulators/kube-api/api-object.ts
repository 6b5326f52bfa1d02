// Why: the simulator handles objects of every kind, so it sees them as JSON with metadata. These are the
// few ways to look into such JSON safely.
import type { ObjectMeta } from "@runlet/kubernetes/client";

export type JsonObject = Record<string, unknown>;

/** An object of any kind as it is stored and sent. Stored ones are never changed, only replaced. */
export interface ApiObject {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  [field: string]: unknown;
}

export function isRecord(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The value as a record; an empty one if it is none. */
export function record(value: unknown): JsonObject {
  return isRecord(value) ? value : {};
}

/** The value as a list; an empty one if it is none. */
export function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

/** The value at a path of plain keys, or undefined. */
export function at(value: unknown, ...path: string[]): unknown {
  let here = value;
  for (const key of path) {
    if (!isRecord(here)) return undefined;
    here = here[key];
  }
  return here;
}

/** The string at a path, or "". */
export function textAt(value: unknown, ...path: string[]): string {
  const found = at(value, ...path);
  return typeof found === "string" ? found : "";
}

/** A deep copy of JSON. */
export function clone<T>(value: T): T {
  if (Array.isArray(value)) {
    // A copy of a T that is an array is a T.
    return value.map((item: unknown) => clone(item)) as T;
  }
  if (!isRecord(value)) return value;
  const copy: JsonObject = {};
  for (const key of Object.keys(value)) copy[key] = clone(value[key]);
  // Same keys, same values: the copy of a T is a T.
  return copy as T;
}

/** Deep equality of JSON; the order of keys does not matter, an undefined field is an absent one. */
export function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
    return a.every((item, index) => same(item, b[index]));
  }
  if (!isRecord(a) || !isRecord(b)) return false;
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  for (const key of keys) if (!same(a[key], b[key])) return false;
  return true;
}

/** A copy without the named fields. */
export function without<T extends JsonObject>(value: T, ...fields: string[]): JsonObject {
  return Object.fromEntries(Object.entries(value).filter(([key]) => !fields.includes(key)));
}
