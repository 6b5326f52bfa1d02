// Why: from the path alone follows what a request is about: kind, namespace, name, subresource and the
// verb that RBAC knows it by (Kubernetes docs, "Authorization Overview": determine the request verb).

export interface RequestInfo {
  /** get, list, watch, create, update, patch, delete, deletecollection; for other paths get, post … */
  verb: string;
  /** Set for a path that is no resource. */
  path?: string;
  group: string;
  version: string;
  plural: string;
  subresource: string;
  /** "" for all namespaces and for cluster-scoped kinds. */
  namespace: string;
  name: string;
}

const plain: Record<string, string> = {
  POST: "create",
  PUT: "update",
  PATCH: "patch",
  DELETE: "delete",
};

/** What `method` on `url` asks for. */
export function parseRequestInfo(method: string, url: URL): RequestInfo {
  const parts = url.pathname.split("/").filter((part) => part !== "");
  const core = parts[0] === "api" && parts.length >= 3;
  const grouped = parts[0] === "apis" && parts.length >= 4;
  if (!core && !grouped) return nonResource(method, url.pathname);
  const [group = "", version = ""] = core ? ["", parts[1]] : [parts[1], parts[2]];
  const rest = parts.slice(core ? 2 : 3).map((part) => decodeURIComponent(part));
  const inNamespace = rest[0] === "namespaces" && rest.length > 2 && !isOfNamespace(rest[2]);
  const namespace = inNamespace ? (rest[1] ?? "") : "";
  const [plural = "", name = "", subresource = ""] = inNamespace ? rest.slice(2) : rest;
  const verb = verbOf(method, name, url.searchParams);
  return { verb, group, version, plural, subresource, namespace, name };
}

/** Below `namespaces/NAME/`, these are parts of the namespace itself. */
const isOfNamespace = (part = "") => part === "status" || part === "finalize";

function nonResource(method: string, path: string): RequestInfo {
  const empty = { group: "", version: "", plural: "", subresource: "", namespace: "", name: "" };
  return { ...empty, verb: method.toLowerCase(), path };
}

export const isTrue = (text: string | null) => text === "true" || text === "1";

function verbOf(method: string, name: string, query: URLSearchParams): string {
  if (method === "GET" || method === "HEAD") {
    if (isTrue(query.get("watch"))) return "watch";
    return name === "" ? "list" : "get";
  }
  if (method === "DELETE" && name === "") return "deletecollection";
  return plain[method] ?? method.toLowerCase();
}
