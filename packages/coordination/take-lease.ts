// Why: taking a lease is where two invocations could both believe that they serve a shard. The order here
// – read, judge on our own clock, draw, put on the version that was judged – leaves one winner, with a
// larger fence than everybody before.
import type { Fence } from "./fence.ts";
import type { FenceCounter } from "./fence-counter.ts";
import { holdLease, type HoldDeps } from "./hold-lease.ts";
import { readLease, toValue, type LeaseRead } from "./lease-row.ts";
import type { HeldLease, LeaseView, TakeOptions, TakeResult } from "./lease.ts";
import { keys } from "./keys.ts";
import { persist } from "./persist.ts";
import { putSettled } from "./put-settled.ts";
import { createStandstill } from "./standstill.ts";
import { findStoodStill } from "./stood-still.ts";
import { createRegistration, type Registration } from "./successor.ts";
import { TableError } from "./table.ts";
import type { Settings } from "@runlet/runtime/settings";

export interface TakeDeps extends HoldDeps {
  fences: FenceCounter;
  settings: Pick<Settings, "leaseMs" | "heartbeatMs" | "waiterReadMs" | "announcedReadMs">;
}

/**
 * Waits up to `waitMs` for the lease to be free (absent, released, resting, run out) and takes it. A lease
 * can be seen to run out only by waiting for its length. A table that does not answer for a while is
 * waited for too. Rejects with the signal's reason, or with the table's last error.
 */
export async function takeLease(
  deps: TakeDeps,
  shard: string,
  options: TakeOptions,
): Promise<TakeResult> {
  const until = deps.clock.nowMs() + options.waitMs;
  const registration = createRegistration(deps, shard, options.holder);
  const look = createLook(deps, shard, options, registration);
  try {
    for (;;) {
      const seen = await look().catch((error: unknown) => {
        const passes = !options.signal.aborted && !(error instanceof TableError);
        if (passes && deps.clock.nowMs() < until) return { againMs: deps.settings.waiterReadMs };
        throw error;
      });
      const waitMs = until - deps.clock.nowMs();
      if ("kind" in seen && (seen.kind === "taken" || seen.isServed || waitMs <= 0)) return seen;
      await deps.clock.sleep(Math.max(0, Math.min(seen.againMs, waitMs)), options.signal);
    }
  } finally {
    // The row names a fence that is gone by now, so it deceives nobody if this fails.
    await registration.leave().catch(() => {});
  }
}

/** `isServed`: the row has moved while we watched, and we wait for no release: somebody is there. */
type Seen = TakeResult & { againMs: number; isServed?: boolean };

/** One look at the row, and an attempt if it is free. `againMs`: when to look again. */
function createLook(
  deps: TakeDeps,
  shard: string,
  options: TakeOptions,
  registration: Registration,
): () => Promise<Seen | { againMs: number }> {
  const standstill = createStandstill();
  const { settings } = deps;
  let first: string | undefined;
  return async () => {
    const read = await readLease(deps, shard);
    options.signal.throwIfAborted();
    const leftMs = read?.view.state === "held" ? standstill.leftMs(read) : 0;
    const watched = first === undefined && leftMs > 0 ? read?.view.version : undefined;
    first ??= read?.view.version;
    const isOver = watched !== undefined && (await findStoodStill(deps, shard)) === watched;
    if (!read || leftMs === 0 || isOver) {
      const lease = await tryTake(deps, shard, read?.view, options);
      // Somebody else was faster: what is there now is another row.
      if (!lease) return { againMs: 0 };
      const previous = read?.view;
      return { kind: "taken", lease, from: freedBy(read), previous, againMs: 0 };
    }
    if (options.register) await registration.refresh(read.view.fence);
    const readMs = read.view.announced ? settings.announcedReadMs : settings.waiterReadMs;
    const isServed = !options.register && read.view.version !== first;
    return { kind: "held", by: read.view, againMs: Math.min(readMs, leftMs), isServed };
  };
}

function freedBy(read: LeaseRead | undefined): "new" | "released" | "resting" | "expired" {
  if (!read) return "new";
  return read.view.state === "held" ? "expired" : read.view.state;
}

/** One attempt on the row as it was judged; undefined when somebody else wrote it first. */
async function tryTake(
  deps: TakeDeps,
  shard: string,
  previous: LeaseView | undefined,
  options: TakeOptions,
): Promise<HeldLease | undefined> {
  const fence = await drawLarger(deps.fences, previous?.fence.n ?? 0);
  const { holder, signal } = options;
  // The length counts from before the write: the row may be there long before its answer is here.
  const startMs = deps.clock.nowMs();
  const version = deps.random.uuid();
  const lengthMs = deps.settings.leaseMs;
  const value = toValue({ holder, state: "held", lengthMs, fence, announced: false });
  const when = previous ? { version: previous.version } : ({ absent: true } as const);
  const row = { key: keys.lease(shard), version, value };
  const result = await persist(deps, startMs + lengthMs, () => putSettled(deps, row, when));
  if (result.kind === "refused") return undefined;
  const lease = holdLease(deps, { shard, holder, fence, version, startMs, signal });
  if (!signal.aborted) return lease;
  await lease.release({ state: "released" });
  throw signal.reason;
}

/** Drawn after the row was read. Smaller than the row's only if somebody has edited one of the two. */
async function drawLarger(fences: FenceCounter, than: number): Promise<Fence> {
  const drawn = await fences.draw();
  return drawn.n > than ? drawn : fences.drawAbove(than);
}
