// Why: the poller's fence is one JSON patch (RFC 6902) whose `test` the server refuses; so the patch is
// done here as the real server does it: any step that cannot be done refuses the whole. In three things
// that server's library is laxer than the RFC (github.com/evanphx/json-patch v4): `replace` may add a
// field, `test` takes an absent field for null, and `copy` from an absent field copies null.
import { clone, isRecord, same } from "./api-object.ts";
import { badRequest, patchRejected } from "./status-error.ts";

interface Operation {
  op: string;
  path: string;
  from?: string;
  value?: unknown;
}

/** The patched copy of `target`. Throws 422 when a step fails, 400 when the patch is none. */
export function applyJsonPatch(target: unknown, patch: unknown): unknown {
  if (!Array.isArray(patch)) {
    throw badRequest(
      "error decoding patch: json: cannot unmarshal object into a list of operations",
    );
  }
  const result = patch.map(parseOperation).reduce(applyOne, clone(target));
  if (!isRecord(result)) throw patchRejected();
  return result;
}

function parseOperation(value: unknown): Operation {
  if (!isRecord(value) || typeof value.op !== "string" || typeof value.path !== "string") {
    throw patchRejected();
  }
  const from = typeof value.from === "string" ? { from: value.from } : {};
  return { op: value.op, path: value.path, value: value.value ?? null, ...from };
}

function applyOne(target: unknown, operation: Operation): unknown {
  const path = parsePointer(operation.path);
  switch (operation.op) {
    case "add":
      return put(target, path, clone(operation.value), true);
    case "replace":
      return put(target, path, clone(operation.value), false);
    case "remove":
      return remove(target, path);
    case "test":
      get(target, path.slice(0, -1));
      if (same(find(target, path) ?? null, operation.value)) return target;
      throw patchRejected();
    case "copy":
      return put(target, path, clone(find(target, parsePointer(operation.from)) ?? null), true);
    case "move": {
      const from = parsePointer(operation.from);
      const moved = get(target, from);
      return put(remove(target, from), path, moved, true);
    }
    default:
      throw patchRejected();
  }
}

function parsePointer(pointer: string | undefined): string[] {
  if (pointer === undefined || (pointer !== "" && !pointer.startsWith("/"))) throw patchRejected();
  const parts = pointer.split("/").slice(1);
  return parts.map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/** The value there, or undefined. */
function find(target: unknown, path: string[]): unknown {
  let here = target;
  for (const key of path) {
    if (Array.isArray(here)) here = here[index(here, key, false)];
    else if (isRecord(here) && Object.hasOwn(here, key)) here = here[key];
    else return undefined;
  }
  return here;
}

function get(target: unknown, path: string[]): unknown {
  const found = find(target, path);
  if (found === undefined) throw patchRejected();
  return found;
}

function index(array: unknown[], key: string, end: boolean): number {
  if (end && key === "-") return array.length;
  const at = Number(key);
  const last = end ? array.length : array.length - 1;
  if (!/^(0|[1-9]\d*)$/.test(key) || at > last) throw patchRejected();
  return at;
}

function put(target: unknown, path: string[], value: unknown, insert: boolean): unknown {
  const last = path.at(-1);
  if (last === undefined) return value;
  const parent = get(target, path.slice(0, -1));
  if (Array.isArray(parent)) {
    parent.splice(index(parent, last, insert), insert ? 0 : 1, value);
  } else if (isRecord(parent)) {
    parent[last] = value;
  } else throw patchRejected();
  return target;
}

function remove(target: unknown, path: string[]): unknown {
  const last = path.at(-1);
  if (last === undefined) throw patchRejected();
  const parent = get(target, path.slice(0, -1));
  if (Array.isArray(parent)) parent.splice(index(parent, last, false), 1);
  else if (isRecord(parent) && Object.hasOwn(parent, last)) delete parent[last];
  else throw patchRejected();
  return target;
}
