// Why: controllers live on watches. A watch replays what happened after its number, then follows; it says
// 410 when that is forgotten, sends bookmarks so that a quiet kind does not fall behind, and ends when its
// time is over (Kubernetes docs, "Kubernetes API Concepts": efficient detection of changes).
import type { ApiObject, JsonObject } from "./api-object.ts";
import type { Cluster } from "./cluster.ts";
import { stringifyJson } from "./json.ts";
import { apiVersionOf, collectionOf, type Kind } from "./kinds.ts";
import { isTrue } from "./request-info.ts";
import { matcherFor, parseRevision, type Scope } from "./reads.ts";
import type { Matches } from "./selectors.ts";
import { expired } from "./status-error.ts";
import type { StoreEvent } from "./store.ts";

/** How an object is shown to this client: as it is, or as a table. */
export type Show = (object: ApiObject) => unknown;

/** What a watch knows of its connection. */
export interface Line {
  /** Aborted when the client has gone. */
  signal: AbortSignal | undefined;
  /** On a socket: breaks it. In process a broken watch is an error of its body. */
  breakConnection: (() => void) | undefined;
}

export interface OpenWatches {
  /** A body that ends with the watch. */
  open(scope: Scope, query: URLSearchParams, show: Show, line: Line): ReadableStream;
  /** Ends every watch of a kind (or all): cleanly, or by a broken connection. Returns how many. */
  cut(options?: { plural?: string; broken?: boolean }): number;
  count(): number;
}

/** The real server sends a bookmark about once a minute. */
const bookmarkEveryMs = 60_000;
/** And one shortly before it ends a watch. */
const bookmarkBeforeEndMs = 2_000;
/** It ends a watch that asked for no limit after 30 to 60 minutes. */
const watchTimeoutMinMs = 30 * 60_000;

interface Sink {
  scope: Scope;
  send(line: JsonObject): void;
  end(): void;
  breakOff(reason: unknown): void;
}

export function createWatches(cluster: Cluster): OpenWatches {
  const open = new Set<Sink>();

  function start(scope: Scope, query: URLSearchParams, show: Show, sink: Sink): () => void {
    const matches = matcherFor(scope, query);
    const begun = beginning(cluster, scope, query, matches);
    if ("error" in begun) {
      sink.send({ type: "ERROR", object: begun.error.body() });
      sink.end();
      return () => {};
    }
    const follow = (event: StoreEvent) => {
      if (event.collection !== collectionOf(scope.kind)) return;
      const seen = seenThrough(event, matches);
      if (seen) sink.send({ type: seen.type, object: show(seen.object) });
    };
    for (const object of begun.present) sink.send({ type: "ADDED", object: show(object) });
    if (begun.marksEnd) {
      const annotations = { "k8s.io/initial-events-end": "true" };
      sink.send(bookmark(scope.kind, cluster.store.revision(), { annotations }));
    }
    // A watch from a number that is still to come stays silent until it is passed.
    const after = Math.max(begun.after, cluster.store.revision());
    for (const event of begun.past) follow(event);
    const stop = cluster.store.subscribe((event) => void (event.revision > after && follow(event)));
    const stopTimers = startTimers(cluster, query, sink, () =>
      bookmark(scope.kind, cluster.store.revision()),
    );
    return () => (stop(), stopTimers());
  }

  return {
    open(scope, query, show, { signal, breakConnection }) {
      const encoder = new TextEncoder();
      let stop = () => {};
      let sink: Sink | undefined;
      const done = () => {
        stop();
        if (sink) open.delete(sink);
        signal?.removeEventListener("abort", onAbort);
      };
      const onAbort = () => sink?.breakOff(signal?.reason);
      return new ReadableStream<Uint8Array>({
        start(controller) {
          let over = false;
          const finish = (how: () => void) => {
            if (over) return;
            over = true;
            done();
            how();
          };
          sink = {
            scope,
            send: (line) => {
              if (!over) controller.enqueue(encoder.encode(`${stringifyJson(line)}\n`));
            },
            end: () => finish(() => controller.close()),
            breakOff: (reason) =>
              finish(() => {
                // Of a body's error node-server would make text; on a socket it just ends.
                if (!breakConnection) return controller.error(reason);
                breakConnection();
                controller.close();
              }),
          };
          open.add(sink);
          signal?.addEventListener("abort", onAbort, { once: true });
          stop = start(scope, query, show, sink);
          if (over) stop();
        },
        cancel: () => done(),
      });
    },
    cut({ plural, broken = false } = {}) {
      const hit = [...open].filter((s) => plural === undefined || s.scope.kind.plural === plural);
      for (const sink of hit) {
        if (broken) sink.breakOff(new Error("the watch's connection broke"));
        else sink.end();
      }
      return hit.length;
    },
    count: () => open.size,
  };
}

interface Beginning {
  /** Objects to send as ADDED first. */
  present: ApiObject[];
  /** Events to replay next. */
  past: StoreEvent[];
  /** Events up to this number are done with. */
  after: number;
  /** A bookmark says that the present is complete. */
  marksEnd: boolean;
}

function beginning(
  cluster: Cluster,
  scope: Scope,
  query: URLSearchParams,
  matches: Matches,
): Beginning | { error: ReturnType<typeof expired> } {
  const collection = collectionOf(scope.kind);
  const from = parseRevision(query.get("resourceVersion")) ?? 0;
  const after = from === 0 ? cluster.store.revision() : from;
  const bookmarks = isTrue(query.get("allowWatchBookmarks"));
  const wanted = query.get("sendInitialEvents");
  // Without a number a watch begins with what is there; sendInitialEvents says so outright.
  if (from === 0 ? wanted !== "false" : isTrue(wanted)) {
    const present = cluster.store.list(collection).filter(matches);
    const marksEnd = bookmarks && (isTrue(wanted) || from === 0);
    return { present, past: [], after: Math.max(after, cluster.store.revision()), marksEnd };
  }
  const past = cluster.store.eventsAfter(collection, after);
  if (past) return { present: [], past, after, marksEnd: false };
  const forgotten = cluster.store.forgottenTo();
  return { error: expired(`too old resource version: ${from} (${forgotten})`) };
}

/** What a narrowed watch sees of an event: an object that no longer matches is DELETED for it. */
function seenThrough(event: StoreEvent, matches: Matches) {
  const before = event.previous !== undefined && matches(event.previous);
  if (event.type === "DELETED")
    return before ? { type: "DELETED", object: event.object } : undefined;
  const now = matches(event.object);
  if (now) return { type: before ? "MODIFIED" : "ADDED", object: event.object };
  if (!before || !event.previous) return undefined;
  const { resourceVersion } = event.object.metadata;
  const object = { ...event.previous, metadata: { ...event.previous.metadata } };
  if (resourceVersion !== undefined) object.metadata.resourceVersion = resourceVersion;
  return { type: "DELETED", object };
}

function bookmark(kind: Kind, revision: number, more: JsonObject = {}): JsonObject {
  const metadata = { resourceVersion: String(revision), ...more };
  return {
    type: "BOOKMARK",
    object: { apiVersion: apiVersionOf(kind), kind: kind.kind, metadata },
  };
}

/** Bookmarks and the end, on the cluster's clock. Returns what stops them. */
function startTimers(
  cluster: Cluster,
  query: URLSearchParams,
  sink: Sink,
  makeBookmark: () => JsonObject,
): () => void {
  const { clock, random } = cluster;
  const asked = Number(query.get("timeoutSeconds") ?? "0") * 1000;
  const timeoutMs = asked > 0 ? asked : watchTimeoutMinMs + random.int(watchTimeoutMinMs);
  const cancels = new Set<() => void>([clock.after(timeoutMs, () => sink.end())]);
  const later = (ms: number, run: () => void) => {
    const cancel = clock.after(ms, () => {
      cancels.delete(cancel);
      run();
    });
    cancels.add(cancel);
  };
  if (isTrue(query.get("allowWatchBookmarks"))) {
    const next = () =>
      later(bookmarkEveryMs, () => {
        sink.send(makeBookmark());
        next();
      });
    next();
    if (timeoutMs > bookmarkBeforeEndMs) {
      later(timeoutMs - bookmarkBeforeEndMs, () => sink.send(makeBookmark()));
    }
  }
  return () => cancels.forEach((cancel) => cancel());
}
