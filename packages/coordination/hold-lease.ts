// Why: the holder's half of the lease. It must stop before a waiter can take over, without comparing
// clocks: it starts nothing after 80 % of a length that it counts from before the write, while the waiter
// counts the whole length from after its read. So the two clocks may differ in speed by a fifth.
import { backoffMs } from "@runlet/runtime/backoff";
import type { Log } from "@runlet/runtime/log";
import type { Settings } from "@runlet/runtime/settings";
import { formatFence, type Fence } from "./fence.ts";
import { keys } from "./keys.ts";
import { createLeaseLife, type LeaseLife } from "./lease-life.ts";
import { toValue } from "./lease-row.ts";
import type { HeldLease } from "./lease.ts";
import { createOwnRow } from "./own-row.ts";
import { persist } from "./persist.ts";
import type { SettleDeps } from "./put-settled.ts";
import { createSerial } from "./serial.ts";
import { createSuccessorFinder } from "./successor.ts";

export interface HoldDeps extends SettleDeps {
  log: Log;
  settings: Pick<Settings, "leaseMs" | "heartbeatMs">;
}

/** A lease as it was just put. */
export interface Taken {
  shard: string;
  holder: string;
  fence: Fence;
  version: string;
  /** Monotonic ms before the put. */
  startMs: number;
  /** Aborted: no more heartbeats. */
  signal: AbortSignal;
}

/** No effect starts after this part of the lease. */
const usablePart = 0.8;
const retryBackoff = { baseMs: 50, capMs: 1_000 };

type ReleaseAs = Parameters<HeldLease["release"]>[0];

/** Keeps the lease alive until it is released, lost, or the invocation's signal is aborted. */
export function holdLease(deps: HoldDeps, taken: Taken): HeldLease {
  const { clock, settings } = deps;
  const { shard, holder, fence } = taken;
  const lengthMs = settings.leaseMs;
  const log = deps.log.with({ shard, fence: formatFence(fence) });
  const row = createOwnRow(deps, keys.lease(shard), taken);
  const deadlineMs = () => row.startMs() + lengthMs;
  const life = createLeaseLife({ clock, log }, shard, taken.signal, deadlineMs);
  const serial = createSerial();
  let announced = false;
  let releasing: Promise<"released" | "lost"> | undefined;

  const move = (as: ReleaseAs | { state: "held" }) =>
    serial(() => row.move(toValue({ holder, lengthMs, fence, announced, ...as })));

  async function heartbeat() {
    if ((await move({ state: "held" })) === "lost") throw life.lose("somebody else wrote its row");
    life.renewed();
  }
  async function release(as: ReleaseAs) {
    life.giveUp();
    if (life.lost.aborted) return "lost";
    // Once it has run out, whoever waits takes it without being told.
    const moved = await persist(deps, deadlineMs(), () => move(as));
    log.info("lease_given_up", { as: as.state, found: moved });
    return moved === "moved" ? "released" : "lost";
  }

  void keepBeating({ ...deps, log }, life, () => row.startMs() + settings.heartbeatMs, heartbeat);
  return {
    shard,
    fence,
    signal: life.lost,
    deadlineMs,
    guard: () => life.pass(() => row.startMs() + lengthMs * usablePart),
    async announce() {
      announced = true;
      try {
        await heartbeat();
      } catch (error) {
        // A table that does not answer: the next heartbeat says it.
        if (life.lost.aborted) throw error;
      }
    },
    release: (as) => (releasing ??= release(as)),
    findSuccessor: createSuccessorFinder(deps, shard, { holder, fence }),
  };
}

/**
 * Writes a heartbeat whenever one is due. A table that does not answer is asked again until it does: the
 * lease may have run out meanwhile, but if nobody took it, it is still ours.
 */
async function keepBeating(
  deps: HoldDeps,
  life: LeaseLife,
  dueMs: () => number,
  heartbeat: () => Promise<void>,
): Promise<void> {
  let failures = 0;
  while (!life.beats.aborted) {
    const restMs = failures > 0 ? backoffMs(deps.random, retryBackoff, failures - 1) : 0;
    try {
      await deps.clock.sleep(Math.max(restMs, dueMs() - deps.clock.nowMs()), life.beats);
      await heartbeat();
      if (failures > 0) deps.log.info("lease_renewed_late", { failures });
      failures = 0;
    } catch (error) {
      // An outage is one fact, not one a try.
      if (!life.beats.aborted && failures++ === 0) deps.log.warn("lease_not_renewed", { error });
    }
  }
}
