// Why: RFC 7386, the patch that kubectl and our own writers send for custom resources.
import { clone, isRecord, type JsonObject } from "./api-object.ts";

/** The patched copy of `target`: objects merged, null removes, everything else replaces. */
export function applyMergePatch(target: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return clone(patch);
  const result: JsonObject = isRecord(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = applyMergePatch(result[key], value);
  }
  return result;
}
