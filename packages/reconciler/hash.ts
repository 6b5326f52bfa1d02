// Why: a change is found by comparing hashes of what was asked for. ARC hashes a dump of a Go value in
// which an absent list and an empty one differ, and recycles idle runners for ever over it
// (actions/actions-runner-controller #4682, #4695); here absent and empty are the same.
import { createHash } from "node:crypto";

// ARC's own alphabet for hashes in names: no vowels, so no words; no look-alikes.
const alphabet = "bcdfghjklmnpqrstvwxz2456789";

/** `length` characters (at most 20) that depend on `text`, fit for object names and labels. */
export function shortHash(text: string, length: number): string {
  const bytes = createHash("sha256").update(text).digest();
  return Array.from(bytes.subarray(0, length), (byte) => alphabet[byte % alphabet.length]).join("");
}

/** A hash of any JSON value; key order and empty or absent members make no difference. */
export function contentHash(value: unknown): string {
  return shortHash(canonicalJson(value), 16);
}

/** JSON with sorted keys and without null, empty lists, empty objects and empty strings in objects. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(canonical(value)) ?? "null";
}

function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => canonical(item) ?? null);
  if (value === null || typeof value !== "object") return value;
  const entries = Object.entries(value)
    .map(([key, item]) => [key, canonical(item)] as const)
    .filter(([, item]) => !isEmpty(item))
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries);
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === "") return true;
  if (Array.isArray(value)) return value.length === 0;
  return typeof value === "object" && Object.keys(value).length === 0;
}
