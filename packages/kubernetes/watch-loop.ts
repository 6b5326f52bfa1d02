// Why: list once, then watch from there; a cut watch goes on from the last version it reached, and only
// 410 ("that version is forgotten") asks for another list. Every failure waits, with jitter, and longer
// each time; a watch that has gone silent is cut by us (Kubernetes docs, "Efficient detection of changes").
import { backoffMs, type Backoff } from "@runlet/runtime/backoff";
import { describeError } from "@runlet/runtime/log";
import type { KubernetesObject, WatchEvent } from "./client.ts";
import { KubernetesError } from "./kubernetes-error.ts";
import type { ObjectCache, ObjectChange } from "./object-cache.ts";
import { compareResourceVersions } from "./resource-version.ts";
import type { WatchDeps, WatchOptions } from "./watch.ts";

const backoff: Backoff = { baseMs: 100, capMs: 5_000 };

// A watch is asked to end after four to five minutes, each at another moment, so that the watches of many
// clients do not come back at once (client-go's reflector asks for five to ten).
const shortestWatchSeconds = 240;
const watchSpreadSeconds = 60;
// How much longer than asked a silent watch may live before it counts as half-open.
const silenceMarginMs = 15_000;
// A server that sends bookmarks does so about once a minute; three missed ones are a dead connection.
const bookmarkSilenceMs = 200_000;
// A watch that ends sooner than this without a word was not worth opening: wait before the next.
const shortMs = 1_000;

export interface LoopEvents<T> {
  changed(changes: ObjectChange<T>[]): void;
  listed(): void;
  live(): void;
  failed(error: string): void;
  /** Anything at all has come, or could not. */
  heard(): void;
}

/** Keeps `cache` fresh until `options.signal` aborts; never rejects. */
export async function watchLoop<T extends KubernetesObject>(
  deps: WatchDeps,
  options: WatchOptions,
  cache: ObjectCache<T>,
  events: LoopEvents<T>,
): Promise<void> {
  const { signal } = options;
  let failures = 0;
  let listNeeded = true;
  while (!signal.aborted) {
    let waitMs = 0;
    events.heard();
    try {
      if (listNeeded) await list(deps, options, cache, events);
      listNeeded = false;
      const visit = await watch(deps, options, cache, events);
      failures = visit.useful ? 0 : failures + 1;
      waitMs = failures === 0 ? 0 : backoffMs(deps.random, backoff, failures - 1);
    } catch (error) {
      if (signal.aborted) return;
      const gone = error instanceof KubernetesError && error.status === 410;
      events.heard();
      if (gone) listNeeded = true;
      const asked = error instanceof KubernetesError ? (error.retryAfterMs ?? 0) : 0;
      if (isAbsent(error, options)) {
        listNeeded = true;
        failures = 0;
        sayNone(cache, events);
        await deps.clock.sleep(options.absentEveryMs ?? 0, signal).catch(() => {});
        continue;
      }
      if (!gone) events.failed(describeError(error));
      // The first 410 is no failure: it is how a server says that time has passed.
      if (!gone || failures > 0)
        waitMs = Math.max(asked, backoffMs(deps.random, backoff, failures));
      failures++;
    }
    if (waitMs > 0) await deps.clock.sleep(waitMs, signal).catch(() => {});
  }
}

async function list<T extends KubernetesObject>(
  deps: WatchDeps,
  options: WatchOptions,
  cache: ObjectCache<T>,
  events: LoopEvents<T>,
): Promise<void> {
  const { signal: _, absentEveryMs: _ms, resource, ...where } = options;
  cache.beginList();
  const listed = await deps.client.list<T>(resource, { ...where, signal: options.signal });
  events.changed(cache.replace(listed.items, listed.resourceVersion));
  events.live();
  events.listed();
}

/** 404 for a list or a watch: the cluster does not know the kind (its CRD is gone). */
function isAbsent(error: unknown, { absentEveryMs }: WatchOptions): boolean {
  return absentEveryMs !== undefined && error instanceof KubernetesError && error.status === 404;
}

function sayNone<T extends KubernetesObject>(cache: ObjectCache<T>, events: LoopEvents<T>): void {
  cache.beginList();
  events.changed(cache.replace([], "0"));
  events.live();
  events.listed();
}

/** One watch. "useful": it brought something, or lived for a while. */
async function watch<T extends KubernetesObject>(
  deps: WatchDeps,
  options: WatchOptions,
  cache: ObjectCache<T>,
  events: LoopEvents<T>,
): Promise<{ useful: boolean }> {
  const { signal, absentEveryMs: _, resource, ...where } = options;
  const from = cache.resourceVersion();
  if (from === undefined) throw new Error("a watch needs a list first");
  const timeoutSeconds = shortestWatchSeconds + deps.random.int(watchSpreadSeconds);
  const alarm = createAlarm(deps, signal);
  const startedAt = deps.clock.nowMs();
  let useful = false;
  try {
    alarm.setMs(timeoutSeconds * 1000 + silenceMarginMs);
    const stream = deps.client.watch<T>(resource, {
      ...where,
      resourceVersion: from,
      timeoutSeconds,
      signal: alarm.signal,
      onOpen: () => events.live(),
    });
    for await (const event of stream) {
      if (isBehind(event, from)) throw jumpedBack(resource.plural, from);
      useful = true;
      events.heard();
      if (event.type === "BOOKMARK") {
        cache.bookmark(event.resourceVersion);
        alarm.setMs(bookmarkSilenceMs);
      } else events.changed(cache.event(event.type, event.object));
    }
    return { useful: useful || deps.clock.nowMs() - startedAt >= shortMs };
  } finally {
    alarm.stop();
  }
}

/** A signal that also aborts when the alarm rings; each `setMs` winds it anew. */
function createAlarm(deps: WatchDeps, signal: AbortSignal) {
  const controller = new AbortController();
  const onAbort = () => controller.abort(signal.reason);
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort, { once: true });
  let cancel = () => {};
  return {
    signal: controller.signal,
    setMs(ms: number) {
      cancel();
      cancel = deps.clock.after(ms, () => controller.abort(new Error("the watch went silent")));
    },
    stop() {
      cancel();
      signal.removeEventListener("abort", onAbort);
    },
  };
}

/** An event older than where the watch began: etcd was restored from a backup (fault F55). */
function isBehind<T extends KubernetesObject>(event: WatchEvent<T>, from: string): boolean {
  const version =
    event.type === "BOOKMARK" ? event.resourceVersion : event.object.metadata.resourceVersion;
  return (compareResourceVersions(version, from) ?? 0) < 0;
}

function jumpedBack(plural: string, from: string): KubernetesError {
  return new KubernetesError(`watch ${plural}: the cluster is older than version ${from}`, {
    status: 410,
    reason: "Expired",
  });
}
