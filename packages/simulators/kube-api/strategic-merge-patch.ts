// Why: kubectl sends this patch for built-in kinds: lists of named things are merged by their key
// (Kubernetes docs, "Update API Objects in Place Using kubectl patch"; keys from k8s.io/api core/v1).
import { clone, isRecord, same, type JsonObject } from "./api-object.ts";

/** Key by which a list is merged, by the list's field name. Other lists are replaced. */
const mergeKeys: Record<string, string> = {
  containers: "name",
  initContainers: "name",
  ephemeralContainers: "name",
  env: "name",
  volumes: "name",
  volumeMounts: "mountPath",
  imagePullSecrets: "name",
  secrets: "name",
  hostAliases: "ip",
  conditions: "type",
  ownerReferences: "uid",
  addresses: "type",
};
const portKeys = { container: "containerPort", service: "port" };
/** Lists of plain values that are merged as sets. */
const mergedSets = new Set(["finalizers"]);

/** The patched copy of `target`. */
export function applyStrategicMergePatch(target: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return clone(patch);
  if (patch.$patch === "replace") return withoutDirectives(patch);
  const result: JsonObject = isRecord(target) ? { ...target } : {};
  keepOnlyRetained(result, patch);
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith("$deleteFromPrimitiveList/")) {
      const field = key.slice("$deleteFromPrimitiveList/".length);
      const drop = Array.isArray(value) ? value : [];
      const from = result[field];
      if (Array.isArray(from)) result[field] = from.filter((item) => !drop.includes(item));
    } else if (key.startsWith("$")) continue;
    else if (value === null) delete result[key];
    else if (Array.isArray(value)) result[key] = mergeList(key, result[key], value);
    else if (isRecord(value) && value.$patch === "delete") delete result[key];
    else result[key] = applyStrategicMergePatch(result[key], value);
  }
  reorder(result, patch);
  return result;
}

/** `$retainKeys`: a union (such as a volume's source) keeps only the named fields. */
function keepOnlyRetained(result: JsonObject, patch: JsonObject) {
  if (!Array.isArray(patch.$retainKeys)) return;
  for (const key of Object.keys(result)) {
    if (!patch.$retainKeys.includes(key)) delete result[key];
  }
}

function withoutDirectives(patch: JsonObject): JsonObject {
  const plain = Object.entries(patch).filter(([key]) => !key.startsWith("$"));
  return Object.fromEntries(plain.map(([key, value]) => [key, clone(value)]));
}

function keyOf(field: string, items: unknown[]): string | undefined {
  if (field !== "ports") return mergeKeys[field];
  const container = items.some((item) => isRecord(item) && item.containerPort !== undefined);
  return container ? portKeys.container : portKeys.service;
}

function mergeList(field: string, target: unknown, patch: unknown[]): unknown {
  const current = Array.isArray(target) ? [...target] : [];
  if (mergedSets.has(field)) {
    return [...current, ...patch.filter((item) => !current.includes(item))];
  }
  const key = keyOf(field, patch);
  const replace = patch.some((item) => isRecord(item) && item.$patch === "replace");
  if (key === undefined || replace) {
    return clone(patch.filter((item) => !isRecord(item) || item.$patch !== "replace"));
  }
  for (const item of patch) {
    const id = isRecord(item) ? item[key] : undefined;
    const place = current.findIndex((old) => isRecord(old) && same(old[key], id));
    if (isRecord(item) && item.$patch === "delete") {
      if (place >= 0) current.splice(place, 1);
    } else if (place >= 0) current[place] = applyStrategicMergePatch(current[place], item);
    else current.push(clone(item));
  }
  return current;
}

/** `$setElementOrder/FIELD`: the listed elements in this order, others after them. */
function reorder(result: JsonObject, patch: JsonObject) {
  for (const [directive, order] of Object.entries(patch)) {
    if (!directive.startsWith("$setElementOrder/") || !Array.isArray(order)) continue;
    const field = directive.slice("$setElementOrder/".length);
    const items = result[field];
    if (!Array.isArray(items)) continue;
    const key = keyOf(field, order);
    const id = (item: unknown) => (key !== undefined && isRecord(item) ? item[key] : item);
    const rank = (item: unknown) => {
      const place = order.findIndex((wanted) => same(id(wanted), id(item)));
      return place < 0 ? order.length : place;
    };
    result[field] = items.toSorted((a, b) => rank(a) - rank(b));
  }
}
