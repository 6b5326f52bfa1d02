// Why: turns one watch request into typed events: bookmarks, the ERROR event as the error it is, an end by
// the server as an end, a broken connection as an error (Kubernetes docs, "Efficient detection of changes").
import type { KubernetesClientDeps, KubernetesObject } from "./client.ts";
import type { Resource, WatchCallOptions, WatchEvent } from "./client.ts";
import { errorOfStatusObject, KubernetesError } from "./kubernetes-error.ts";
import { readLines } from "./read-lines.ts";
import { collectionPath, withQuery } from "./resource-path.ts";
import { failed, open } from "./send.ts";

// etcd refuses objects above 1.5 MB; ten leaves room for whatever a server adds.
const longestLineBytes = 10_000_000;

/** The events after `options.resourceVersion`, until the server ends the stream or the signal aborts. */
export async function* watchEvents<T extends KubernetesObject>(
  deps: KubernetesClientDeps,
  resource: Resource,
  options: WatchCallOptions,
): AsyncGenerator<WatchEvent<T>, void, undefined> {
  const where = options.namespace === undefined ? "" : ` in ${options.namespace}`;
  const attempted = `watch ${resource.plural}${where} from ${options.resourceVersion}`;
  const path = withQuery(collectionPath(resource, options.namespace), {
    watch: 1,
    allowWatchBookmarks: "true",
    resourceVersion: options.resourceVersion,
    labelSelector: options.labelSelector,
    timeoutSeconds: options.timeoutSeconds,
  });
  const life = new AbortController();
  const onAbort = () => life.abort(options.signal?.reason);
  options.signal?.addEventListener("abort", onAbort, { once: true });
  if (options.signal?.aborted) onAbort();
  try {
    const limits = options.limitMs === undefined ? {} : { limitMs: options.limitMs };
    const exchange = { method: "GET", path, attempted } as const;
    const response = await open(deps, exchange, { life: life.signal, ...limits });
    options.onOpen?.();
    if (!response.body) return;
    for await (const line of readLines(response.body, longestLineBytes, life.signal))
      yield parseEvent<T>(attempted, line);
  } catch (error) {
    if (options.signal?.aborted) return;
    throw error instanceof KubernetesError ? error : failed(attempted, error);
  } finally {
    options.signal?.removeEventListener("abort", onAbort);
    // Also when the caller left its loop: the request must not outlive its reader.
    life.abort(new Error("the watch is over"));
  }
}

function parseEvent<T extends KubernetesObject>(attempted: string, line: string): WatchEvent<T> {
  const unreadable = (what: string) =>
    new KubernetesError(`${attempted}: ${what}`, { status: 200, reason: "Unreadable" });
  let event: { type?: string; object?: T };
  try {
    // The API server's own shape; what is relied upon is checked below.
    event = JSON.parse(line) as { type?: string; object?: T };
  } catch {
    throw unreadable("a line is no JSON");
  }
  const { type, object } = event;
  if (type === "ERROR") throw errorOfStatusObject(attempted, object);
  const resourceVersion = object?.metadata?.resourceVersion;
  if (!object || !resourceVersion) throw unreadable(`an event ${type} has no resourceVersion`);
  if (type === "BOOKMARK") return { type, resourceVersion };
  if (type === "ADDED" || type === "MODIFIED" || type === "DELETED") return { type, object };
  throw unreadable(`an event has the unknown type ${type}`);
}
