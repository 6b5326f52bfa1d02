// Why: watches say "look again", many times a second and for thousands of objects. The queue turns that
// into one pass an object at a time, a bounded number at once, with a back-off of its own for each
// object that fails: one broken runner never delays another, and none is tried in a hot loop.
import { KubernetesError } from "@runlet/kubernetes/client";
import { backoffMs, type Backoff } from "@runlet/runtime/backoff";
import type { Clock } from "@runlet/runtime/clock";
import type { Log } from "@runlet/runtime/log";
import type { Random } from "@runlet/runtime/random";

/** What a pass that succeeded wants: to be called again after `againMs`, or only when something changes. */
export interface PassResult {
  againMs?: number | undefined;
}

export interface WorkQueueOptions {
  /** For the log. */
  name: string;
  /** Passes that may run at once … */
  concurrency: number;
  /** … and of one lane. Lanes take turns, so that a service that hangs holds up its own lane only. */
  lanes?: { of: (key: string) => string; concurrency: number };
  backoff: Backoff;
  /**
   * A change during a back-off, or during the pass that failed, shortens the wait to this (ms after the failure), the next one to twice this, and so
   * on until a pass succeeds: whoever fails and is changed all the time is no hot loop (invariant I21).
   */
  changeDelayMs: number;
  /** One pass for one key. A rejection may carry `retryAfterMs`. */
  pass(key: string, signal: AbortSignal): Promise<PassResult>;
}

export interface WorkQueue {
  /**
   * Asks for a pass soon. Asking twice before it starts is asking once; during a pass: once more after it.
   * `anew`: what is wanted has changed, so that earlier failures say nothing about the next pass.
   */
  add(key: string, how?: { anew: boolean }): void;
  /** Asks for a pass after `ms`, unless an earlier one is due. */
  addAfter(key: string, ms: number): void;
  /** Works until the signal aborts, then waits for the passes that still run. */
  run(signal: AbortSignal): Promise<void>;
  /** Keys waiting or running now; not those that wait for a time. */
  busyCount(): number;
  figures(): QueueFigures;
}

export interface QueueFigures {
  name: string;
  waiting: number;
  running: number;
  /** Monotonic instant at which the oldest of the running passes began. */
  oldestStartMs: number | undefined;
  succeeded: number;
  failed: number;
}

interface Item {
  lane: string;
  state: "idle" | "queued" | "running";
  /** Asked for again while running. */
  dirty: boolean;
  failures: number;
  failedAtMs: number;
  /** Who refused has named this moment (monotonic ms): no change brings it forward. */
  notBeforeMs: number;
  /** Waits that a change has shortened since the last success. */
  shortened: number;
  timer: { dueMs: number; cancel: () => void } | undefined;
}

export function createWorkQueue(
  deps: { clock: Clock; random: Random; log: Log },
  options: WorkQueueOptions,
): WorkQueue {
  const items = new Map<string, Item>();
  const lanes = createLanes(options.lanes?.concurrency ?? options.concurrency);
  const running = new Map<Promise<void>, { startMs: number }>();
  const ended = { succeeded: 0, failed: 0 };
  let stop: AbortSignal | undefined;

  function itemOf(key: string): Item {
    const known = items.get(key);
    if (known) return known;
    const item: Item = {
      lane: "",
      state: "idle",
      dirty: false,
      failures: 0,
      failedAtMs: 0,
      notBeforeMs: 0,
      shortened: 0,
      timer: undefined,
    };
    items.set(key, item);
    return item;
  }

  function enqueue(key: string, item: Item) {
    item.timer?.cancel();
    item.timer = undefined;
    if (item.state === "running") item.dirty = true;
    if (item.state !== "idle") return;
    item.state = "queued";
    item.lane = options.lanes?.of(key) ?? "";
    lanes.push(item.lane, key);
    pump();
  }

  function schedule(key: string, item: Item, ms: number) {
    const dueMs = deps.clock.nowMs() + ms;
    if (item.timer && item.timer.dueMs <= dueMs) return;
    item.timer?.cancel();
    const cancel = deps.clock.after(ms, () => enqueue(key, item));
    item.timer = { dueMs, cancel };
  }

  function pump() {
    while (stop && !stop.aborted && running.size < options.concurrency) {
      const key = lanes.take();
      if (key === undefined) return;
      const item = itemOf(key);
      item.state = "running";
      item.dirty = false;
      const { lane } = item;
      const call = runPass(key, item, stop).then(() => {
        running.delete(call);
        lanes.end(lane);
        pump();
      });
      running.set(call, { startMs: deps.clock.nowMs() });
    }
  }

  async function runPass(key: string, item: Item, signal: AbortSignal): Promise<void> {
    try {
      const result = await options.pass(key, signal);
      ended.succeeded++;
      item.failures = 0;
      item.shortened = 0;
      item.state = "idle";
      if (item.dirty) enqueue(key, item);
      else if (result.againMs !== undefined) schedule(key, item, result.againMs);
      else if (!item.timer) items.delete(key);
    } catch (error) {
      item.state = "idle";
      if (!signal.aborted) afterFailure(key, item, error);
    }
  }

  function afterFailure(key: string, item: Item, error: unknown) {
    const { backoff } = options;
    const capMs = isUnreachable(error) ? Math.min(backoff.capMs, unreachableCapMs) : backoff.capMs;
    const wait = backoffMs(deps.random, { ...backoff, capMs }, item.failures);
    const asked = retryAfterOf(error);
    const againMs = Math.max(wait, asked);
    ended.failed++;
    item.failures++;
    item.failedAtMs = deps.clock.nowMs();
    item.notBeforeMs = item.failedAtMs + asked;
    const failures = item.failures;
    deps.log.warn("pass_failed", { queue: options.name, key, failures, againMs, error });
    // Whatever was asked for during the pass came too late for it.
    const isChanged = item.dirty || item.timer !== undefined;
    item.timer?.cancel();
    item.timer = undefined;
    schedule(key, item, againMs);
    if (isChanged) shorten(key, item);
  }

  /** A change while `item` waits after a failure, or during the pass that failed. */
  function shorten(key: string, item: Item) {
    const now = deps.clock.nowMs();
    const delay = options.changeDelayMs * 2 ** Math.min(item.shortened, 20);
    const dueMs = Math.max(item.notBeforeMs, item.failedAtMs + delay, now);
    if (item.timer && item.timer.dueMs <= dueMs) return;
    item.shortened++;
    schedule(key, item, dueMs - now);
  }

  return {
    add(key, how) {
      const item = itemOf(key);
      if (how?.anew) item.shortened = 0;
      if (item.state !== "idle" || item.failures === 0) return enqueue(key, item);
      shorten(key, item);
    },
    addAfter(key, ms) {
      const item = itemOf(key);
      if (item.state === "idle" && item.failures > 0) shorten(key, item);
      else schedule(key, item, ms);
    },
    async run(signal) {
      stop = signal;
      pump();
      await new Promise<void>((resolve) => {
        if (signal.aborted) resolve();
        else signal.addEventListener("abort", () => resolve(), { once: true });
      });
      for (const item of items.values()) item.timer?.cancel();
      await Promise.all(running.keys());
    },
    busyCount: () => lanes.waitingCount() + running.size,
    figures: () => ({
      name: options.name,
      waiting: lanes.waitingCount(),
      running: running.size,
      // Kept in the order in which they began.
      oldestStartMs: running.values().next().value?.startMs,
      ...ended,
    }),
  };
}

/** First come, first served within a lane; between lanes in turn. */
function createLanes(atOnce: number) {
  const waiting = new Map<string, string[]>();
  const open = new Map<string, number>();
  return {
    push(lane: string, key: string) {
      const keys = waiting.get(lane) ?? [];
      waiting.set(lane, keys);
      keys.push(key);
    },
    take(): string | undefined {
      for (const [lane, keys] of waiting) {
        const used = open.get(lane) ?? 0;
        if (used >= atOnce) continue;
        const key = keys.shift();
        // To the end of the row of lanes, or out of it.
        waiting.delete(lane);
        if (keys.length > 0) waiting.set(lane, keys);
        open.set(lane, used + 1);
        return key;
      }
      return undefined;
    },
    end(lane: string) {
      const left = (open.get(lane) ?? 1) - 1;
      if (left > 0) open.set(lane, left);
      else open.delete(lane);
    },
    waitingCount: () => [...waiting.values()].reduce((sum, keys) => sum + keys.length, 0),
  };
}

/** A cluster that is away fails every pass alike; when it is back, no object should wait for a minute more. */
const unreachableCapMs = 15_000;

function isUnreachable(error: unknown): boolean {
  return error instanceof KubernetesError && error.status === 0;
}

function retryAfterOf(error: unknown): number {
  const hint = error instanceof Error && "retryAfterMs" in error ? error.retryAfterMs : undefined;
  return typeof hint === "number" ? hint : 0;
}
