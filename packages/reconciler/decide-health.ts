// Why: a probe that answers whenever the process runs restarts nothing that hangs, and one that fails while the API
// server is away restarts what works. Ready: it has read all that it was told to serve, and sees the cluster as it is.
// Stuck: something does not turn any more.
import type { Freshness } from "./caches.ts";
import type { QueueFigures } from "./work-queue.ts";

/** One namespace that was named, or (undefined) the whole cluster. */
export type SeenPlace = Freshness & { namespace: string | undefined };

export interface HealthFacts {
  nowMs: number;
  /** Undefined before the caches exist. */
  places: readonly SeenPlace[] | undefined;
  queues: readonly QueueFigures[];
}

/** Each in words; undefined: all is well. */
export interface Health {
  unready: string | undefined;
  stuck: string | undefined;
}

/** A watch that is cut comes back within seconds; after this the view is old. */
const staleMs = 60_000;
/** A watch that brings nothing is opened anew after 315 s at the latest (kubernetes/watch-loop.ts). */
const quietMs = 400_000;
/** Each call of a pass has a limit of 10 s; the longest passes make some dozens of them. */
const passMs = 600_000;
/** So many names say enough. */
const namesMax = 5;

export function decideHealth({ nowMs, places, queues }: HealthFacts): Health {
  if (!places) return { unready: "the cluster has not been read yet", stuck: undefined };
  const silent = places.some(({ heardAtMs }) => nowMs - heardAtMs > quietMs);
  const slow = queues.find((queue) => nowMs - (queue.oldestStartMs ?? nowMs) > passMs);
  return {
    unready: findUnready(places, nowMs),
    stuck: silent
      ? "a watch does not turn any more"
      : slow
        ? `a pass of ${slow.name} does not end`
        : undefined,
  };
}

/** Whether what is known of a place is what is there. */
export function isSeen({ isListed, staleSinceMs }: Freshness, nowMs: number): boolean {
  return isListed && (staleSinceMs === undefined || nowMs - staleSinceMs < staleMs);
}

/**
 * A namespace that was never read is a mistake in what this process was told, or a Role that is missing: whoever installs
 * it waits for "ready" and must see that. One that is lost later says nothing about the others; a metric tells.
 */
function findUnready(places: readonly SeenPlace[], nowMs: number): string | undefined {
  if (!places.some((place) => isSeen(place, nowMs))) return "the cluster is not seen as it is";
  const unread = places.filter(({ isListed }) => !isListed).map(({ namespace = "" }) => namespace);
  if (unread.length === 0) return undefined;
  const more = unread.length > namesMax ? ` and ${unread.length - namesMax} more` : "";
  const names = `${unread.slice(0, namesMax).join(", ")}${more}`;
  return `never read: namespace ${names} (does it exist, and may this account read it?)`;
}
