// Why: the Kubernetes API as a hono application over the store: each request is authenticated, authorised,
// struck by faults if there are any, answered and written down.
import { Hono } from "hono";
import type { Clock } from "@runlet/runtime/clock";
import { anonymous, type User } from "./authentication.ts";
import { aggregatedDiscovery, coreVersions, groupList, resourceList } from "./discovery.ts";
import { describeGroup } from "./discovery.ts";
import { ConnectionLost, type Faults } from "./faults.ts";
import { stringifyJson } from "./json.ts";
import type { Kind } from "./kinds.ts";
import { openApiDocument, openApiIndex } from "./openapi.ts";
import { isAllowed, refusal } from "./rbac.ts";
import { parseRequestInfo, type RequestInfo } from "./request-info.ts";
import { answerResource, type Answer, type ResourceDeps } from "./resource-requests.ts";
import { forbidden, noSuchPath, StatusError } from "./status-error.ts";

/** One request as it was answered. */
export interface AuditEntry {
  /** Milliseconds on the cluster's monotonic clock when it was answered. */
  atMs: number;
  user: string;
  verb: string;
  group: string;
  plural: string;
  subresource: string;
  namespace: string;
  name: string;
  /** The path of a request that is on no resource, or "". */
  path: string;
  /** The HTTP status; 0 when the connection broke. */
  status: number;
  userAgent: string;
}

export interface AppDeps extends ResourceDeps {
  clock: Clock;
  faults: Faults;
  record: (entry: AuditEntry) => void;
}

/** Called with hono's context when a connection has to break instead of being answered. */
export type BreakConnection = (env: unknown) => void;

/** The application. In process a broken connection is a rejection; `serve.ts` closes the socket. */
export function createApp(deps: AppDeps, breakConnection?: BreakConnection): Hono {
  const app = new Hono();
  app.all("*", async (context) => {
    const breakIt = breakConnection && (() => breakConnection(context.env));
    try {
      return await handle(deps, context.req.raw, breakIt);
    } catch (error) {
      breakIt?.();
      throw error;
    }
  });
  app.onError((error) => {
    throw error;
  });
  return app;
}

async function handle(
  deps: AppDeps,
  request: Request,
  breakConnection: (() => void) | undefined,
): Promise<Response> {
  const url = new URL(request.url);
  const info = parseRequestInfo(request.method, url);
  let user = anonymous;
  let status = 0;
  try {
    const body = await request.text();
    user = authenticate(deps, request);
    const after = await deps.faults.before(info, user.name, request.signal);
    authorise(deps, user, info);
    const answer = route(deps, { info, url, user, request, body, breakConnection });
    after();
    status = answer.status;
    return toResponse(answer);
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    status = error.code;
    return refused(error);
  } finally {
    const { path = "", ...resource } = info;
    const userAgent = request.headers.get("user-agent") ?? "";
    const { verb, group, plural, subresource, namespace, name } = resource;
    const entry = { verb, group, plural, subresource, namespace, name, path, userAgent };
    deps.record({ ...entry, atMs: deps.clock.nowMs(), user: user.name, status });
  }
}

function authenticate(deps: AppDeps, request: Request): User {
  return deps.authentication.userOf(request.headers.get("authorization") ?? undefined);
}

function authorise(deps: AppDeps, user: User, info: RequestInfo) {
  if (isAllowed(deps.rbac, user, info)) return;
  const { group, plural, name, path } = info;
  const why = refusal(user, info);
  if (path !== undefined) throw new StatusError(403, "Forbidden", `forbidden: ${why}`, {});
  throw forbidden({ group, plural, kind: plural, name }, why);
}

interface Routed {
  info: RequestInfo;
  url: URL;
  user: User;
  request: Request;
  body: string;
  breakConnection: (() => void) | undefined;
}

function route(deps: AppDeps, routed: Routed): Answer {
  const { info, url, request } = routed;
  const { all, version } = deps.cluster.kinds();
  const accept = request.headers.get("accept") ?? "";
  if (info.path !== undefined) return answerPath(all, version, info.path, accept);
  const kind = deps.cluster.findKind(info.group, info.version, info.plural);
  if (!kind) throw noSuchPath();
  const contentType = request.headers.get("content-type") ?? "application/json";
  const { user, body, breakConnection } = routed;
  const line = { signal: request.signal, breakConnection };
  const query = url.searchParams;
  return answerResource(deps, { info, kind, query, accept, contentType, body, user, line });
}

const version = {
  major: "1",
  minor: "36",
  gitVersion: "v1.36.3",
  gitCommit: "",
  gitTreeState: "clean",
  buildDate: "1970-01-01T00:00:00Z",
  goVersion: "none",
  compiler: "none",
  platform: "runlet/simulator",
};

function answerPath(kinds: readonly Kind[], hash: number, path: string, accept: string): Answer {
  if (["/healthz", "/livez", "/readyz"].includes(path)) {
    return { status: 200, body: "ok", contentType: "text/plain" };
  }
  const aggregated = accept.includes("g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList");
  const known = pathValue(kinds, hash, path, aggregated);
  if (known === undefined) throw noSuchPath();
  const v2 = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
  const isAggregated = aggregated && (path === "/api" || path === "/apis");
  const type = isAggregated ? { contentType: v2 } : {};
  return { status: 200, body: stringifyJson(known), ...type };
}

function pathValue(kinds: readonly Kind[], hash: number, path: string, aggregated: boolean) {
  const parts = path.split("/").filter((part) => part !== "");
  if (path === "/version") return version;
  if (path === "/api") return aggregated ? aggregatedDiscovery(kinds, true) : coreVersions();
  if (path === "/apis") return aggregated ? aggregatedDiscovery(kinds, false) : groupList(kinds);
  if (path === "/openapi/v3") return openApiIndex(kinds, hash);
  if (path.startsWith("/openapi/v3/")) return openApiDocument(kinds, parts.slice(2).join("/"));
  if (parts[0] === "api" && parts.length === 2) return resourceList(kinds, parts[1] ?? "");
  if (parts[0] !== "apis") return undefined;
  if (parts.length === 3) return resourceList(kinds, parts.slice(1).join("/"));
  const group = parts[1] ?? "";
  const known = parts.length === 2 && kinds.some((kind) => kind.group === group);
  return known ? describeGroup(kinds, group) : undefined;
}

function toResponse(answer: Answer): Response {
  const headers = new Headers({
    "content-type": answer.contentType ?? "application/json",
    "cache-control": "no-cache, private",
  });
  for (const warning of answer.warnings ?? []) {
    headers.append("warning", `299 - ${JSON.stringify(warning)}`);
  }
  return new Response(answer.body, { status: answer.status, headers });
}

function refused(error: StatusError): Response {
  const headers = new Headers({ "content-type": "application/json" });
  const after = error.details?.retryAfterSeconds;
  if (typeof after === "number") headers.set("retry-after", String(after));
  return new Response(stringifyJson(error.body()), { status: error.code, headers });
}

export { ConnectionLost };
