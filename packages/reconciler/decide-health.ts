// Why: a probe that answers whenever the process runs restarts nothing that hangs, and one that fails while the API
// server is away restarts what works. Ready: it sees the cluster as it is. Stuck: something does not turn any more.
import type { Freshness } from "./caches.ts";
import type { QueueFigures } from "./work-queue.ts";

export interface HealthFacts {
  nowMs: number;
  /** Of each place; undefined before the caches exist. */
  freshness: readonly Freshness[] | undefined;
  queues: readonly QueueFigures[];
}

export interface Health {
  ready: boolean;
  /** In words; undefined while it works. */
  stuck: string | undefined;
}

/** A watch that is cut comes back within seconds; after this the view is old. */
const staleMs = 60_000;
/** A watch that brings nothing is opened anew after 315 s at the latest (kubernetes/watch-loop.ts). */
const quietMs = 400_000;
/** Each call of a pass has a limit of 10 s; the longest passes make some dozens of them. */
const passMs = 600_000;

export function decideHealth({ nowMs, freshness, queues }: HealthFacts): Health {
  if (!freshness) return { ready: false, stuck: undefined };
  // One namespace that may not be read says nothing about the others.
  const ready = freshness.some(
    ({ staleSinceMs }) => staleSinceMs === undefined || nowMs - staleSinceMs < staleMs,
  );
  const silent = freshness.some(({ heardAtMs }) => nowMs - heardAtMs > quietMs);
  const slow = queues.find((queue) => nowMs - (queue.oldestStartMs ?? nowMs) > passMs);
  return {
    ready,
    stuck: silent
      ? "a watch does not turn any more"
      : slow
        ? `a pass of ${slow.name} does not end`
        : undefined,
  };
}
