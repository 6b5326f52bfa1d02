// Why: a list is a consistent picture with a number from which a watch goes on; paged, every page shows
// the state of the first (Kubernetes docs, "Kubernetes API Concepts": retrieving large results sets).
import { at, isRecord, type ApiObject } from "./api-object.ts";
import type { Cluster } from "./cluster.ts";
import { collectionOf, keyOf, type Kind } from "./kinds.ts";
import { parseJson } from "./json.ts";
import { parseFieldSelector, parseLabelSelector, type Matches } from "./selectors.ts";
import { badRequest, expired, StatusError } from "./status-error.ts";

export interface Scope {
  kind: Kind;
  /** "" for all. */
  namespace: string;
  /** Set when the path names one object. */
  name: string;
}

export interface ListPage {
  items: ApiObject[];
  metadata: { resourceVersion: string; continue?: string; remainingItemCount?: number };
}

/** Everything a list or watch is narrowed by: path, labels, fields. */
export function matcherFor(scope: Scope, query: URLSearchParams): Matches {
  const byLabel = parseLabelSelector(query.get("labelSelector") ?? undefined);
  const fields = ["metadata.name", "metadata.namespace", ...scope.kind.fields];
  const byField = parseFieldSelector(query.get("fieldSelector") ?? undefined, fields);
  return (object) =>
    (scope.namespace === "" || object.metadata.namespace === scope.namespace) &&
    (scope.name === "" || object.metadata.name === scope.name) &&
    byLabel(object) &&
    byField(object);
}

/** Checks a resourceVersion parameter; undefined when there is none. */
export function parseRevision(text: string | null): number | undefined {
  if (text === null || text === "") return undefined;
  if (/^\d+$/.test(text)) return Number(text);
  throw badRequest(`resourceVersion: Invalid value: "${text}": must be a number`);
}

/** One page of a list. Throws 410 for a continue token whose state is forgotten. */
export function listObjects(cluster: Cluster, scope: Scope, query: URLSearchParams): ListPage {
  const matches = matcherFor(scope, query);
  const limit = Number(query.get("limit") ?? "0") || 0;
  const token = query.get("continue");
  const from = token ? parseContinue(token) : startOf(cluster, query);
  const all = cluster.store.listAt(collectionOf(scope.kind), from.revision);
  if (!all) throw expired(token ? continueExpired : tooOld(from.revision, cluster));
  const matching = all.filter((object) => keyOfObject(object) > from.after && matches(object));
  const items = limit > 0 ? matching.slice(0, limit) : matching;
  const last = items.at(-1);
  const more = matching.length - items.length;
  const resourceVersion = String(from.revision);
  if (more === 0 || !last) return { items, metadata: { resourceVersion } };
  const next = { revision: from.revision, after: keyOfObject(last) };
  const selects = query.get("labelSelector") || query.get("fieldSelector");
  return {
    items,
    metadata: {
      resourceVersion,
      continue: encodeContinue(next),
      // Not told for selected lists, since the real server would have to read on to know.
      ...(selects ? {} : { remainingItemCount: more }),
    },
  };
}

const keyOfObject = (object: ApiObject) => keyOf(object.metadata.namespace, object.metadata.name);

const continueExpired =
  "The provided continue parameter is too old to display a consistent list result. You must start a " +
  "new list without the continue parameter.";

const tooOld = (revision: number, cluster: Cluster) =>
  `too old resource version: ${revision} (${cluster.store.forgottenTo()})`;

function startOf(cluster: Cluster, query: URLSearchParams) {
  const current = cluster.store.revision();
  const wanted = parseRevision(query.get("resourceVersion"));
  if (wanted !== undefined && wanted > current) {
    const causes = [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }];
    const message = `Timeout: Too large resource version: ${wanted}, current: ${current}`;
    throw new StatusError(504, "Timeout", message, { causes, retryAfterSeconds: 1 });
  }
  const exact = query.get("resourceVersionMatch") === "Exact";
  return { revision: exact && wanted !== undefined ? wanted : current, after: "" };
}

interface Position {
  revision: number;
  /** The key of the last object of the page before. */
  after: string;
}

const encodeContinue = (position: Position) =>
  Buffer.from(
    JSON.stringify({ v: "meta.k8s.io/v1", rv: position.revision, start: position.after }),
  ).toString("base64url");

function parseContinue(token: string): Position {
  try {
    const value = parseJson(Buffer.from(token, "base64url").toString("utf8"));
    const revision = at(value, "rv");
    const after = at(value, "start");
    if (isRecord(value) && typeof revision === "number" && typeof after === "string") {
      return { revision, after };
    }
  } catch {
    // Not JSON: not a token of ours, which the next line says.
  }
  throw badRequest("invalid continue token: continue key is not valid");
}
