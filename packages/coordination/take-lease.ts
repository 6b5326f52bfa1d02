// Why: taking a lease is where two invocations could both believe that they serve a shard. The order here
// – read, judge on our own clock, draw, put on the version that was judged – leaves one winner, with a
// larger fence than everybody before.
import type { Fence, FenceCounter } from "./fence.ts";
import { holdLease, type HoldDeps } from "./hold-lease.ts";
import { readLease, toValue, type LeaseRead } from "./lease-row.ts";
import type { HeldLease, LeaseView, TakeOptions, TakeResult } from "./lease.ts";
import { keys } from "./keys.ts";
import { putSettled } from "./put-settled.ts";
import { createStandstill } from "./standstill.ts";
import { createRegistration } from "./successor.ts";
import type { Settings } from "@runlet/runtime/settings";

export interface TakeDeps extends HoldDeps {
  fences: FenceCounter;
  settings: Pick<Settings, "leaseMs" | "heartbeatMs" | "waiterReadMs" | "announcedReadMs">;
}

/**
 * Waits up to `waitMs` for the lease to be free (absent, released, resting, run out) and takes it. A lease
 * can be seen to run out only by waiting for its length. Rejects with the signal's reason, or when the
 * table does not answer.
 */
export async function takeLease(
  deps: TakeDeps,
  shard: string,
  options: TakeOptions,
): Promise<TakeResult> {
  const until = deps.clock.nowMs() + options.waitMs;
  const standstill = createStandstill();
  const registration = createRegistration(deps, shard, options.holder);
  try {
    for (;;) {
      const read = await readLease(deps, shard);
      options.signal.throwIfAborted();
      const leftMs = read?.view.state === "held" ? standstill.leftMs(read) : 0;
      if (leftMs === 0) {
        const lease = await tryTake(deps, shard, read?.view, options);
        if (lease) return { kind: "taken", lease, from: freedBy(read), previous: read?.view };
        continue;
      }
      // A lease that stands still has a reader, so it is there; the compiler cannot know.
      if (!read) continue;
      const waitMs = until - deps.clock.nowMs();
      if (waitMs <= 0) return { kind: "held", by: read.view };
      if (options.register) await registration.refresh(read.view.fence);
      const readMs = read.view.announced
        ? deps.settings.announcedReadMs
        : deps.settings.waiterReadMs;
      await deps.clock.sleep(Math.min(readMs, leftMs, waitMs), options.signal);
    }
  } finally {
    // The row names a fence that is gone by now, so it deceives nobody if this fails.
    await registration.leave().catch(() => {});
  }
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
  const result = await putSettled(deps, { key: keys.lease(shard), version, value }, when);
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
