// Why: URLs and headers of the protocol are exact, and `new URL(path, base)` is not: it drops the base's
// last segment and its query. Here they are joined by hand (actions/scaleset client.go does the same),
// names are encoded, and what a server wrote into a URL keeps its bytes.
import type { Scope } from "./config-url.ts";
import { scopeApiPath } from "./config-url.ts";

export const apiVersion = "6.0-preview";

/** Who calls, for the User-Agent. */
export interface SystemInfo {
  name: string;
  version: string;
  subsystem: string;
  commitSha?: string;
}

/** GitHub reads the User-Agent of scale-set clients as JSON (actions/scaleset common_client.go). */
export function userAgent(system: SystemInfo, scaleSetId = 0): string {
  return JSON.stringify({
    system: system.name,
    version: system.version,
    commit_sha: system.commitSha ?? "unknown",
    scale_set_id: scaleSetId,
    subsystem: system.subsystem,
    build_version: system.version,
    build_commit_sha: system.commitSha ?? "unknown",
    kind: "scaleset",
  });
}

/** Base URL + path + query; the base may have a path, a trailing slash and a query of its own. */
export function serviceUrl(
  base: string,
  path: string,
  query: Record<string, string | number> = {},
): string {
  const { head, rawQuery } = splitQuery(base);
  const own = { "api-version": apiVersion, ...query };
  return `${head.replace(/\/+$/, "")}/${path}?${joinQuery(rawQuery, own)}`;
}

/** The queue's URL to poll; without a cursor it is used as it came. */
export function pollUrl(queueUrl: string, lastMessageId: number): string {
  const { head, rawQuery } = splitQuery(queueUrl);
  const query = joinQuery(rawQuery, lastMessageId > 0 ? { lastMessageId } : {});
  return query === "" ? head : `${head}?${query}`;
}

/** The id goes to the end of the path; the query stays. */
export function messageUrl(queueUrl: string, messageId: number): string {
  const { head, rawQuery } = splitQuery(queueUrl);
  return `${head.replace(/\/+$/, "")}/${messageId}${rawQuery === "" ? "" : `?${rawQuery}`}`;
}

export function registrationTokenUrl(apiBase: string, scope: Scope): string {
  return `${apiBase}${scopeApiPath(scope)}/actions/runners/registration-token`;
}

/** A URL as it may be shown: a queue URL's query can hold a signature. */
export function shownUrl(url: string): string {
  return splitQuery(url).head;
}

function splitQuery(url: string): { head: string; rawQuery: string } {
  const [whole = ""] = url.split("#", 1);
  const mark = whole.indexOf("?");
  if (mark < 0) return { head: whole, rawQuery: "" };
  return { head: whole.slice(0, mark), rawQuery: whole.slice(mark + 1) };
}

/** Sorted by key, as Go sends it; ours win over the URL's own, which are not re-encoded. */
function joinQuery(raw: string, own: Record<string, string | number>): string {
  const nameOf = (part: string) => part.split("=", 1)[0] ?? "";
  const kept = raw.split("&").filter((part) => part !== "" && !(nameOf(part) in own));
  const added = Object.entries(own).map(([key, value]) => `${key}=${encodeURIComponent(value)}`);
  return [...kept, ...added]
    .toSorted((a, b) => (nameOf(a) < nameOf(b) ? -1 : nameOf(a) > nameOf(b) ? 1 : 0))
    .join("&");
}
