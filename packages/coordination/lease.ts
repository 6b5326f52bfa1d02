// Why: one invocation serves a shard at a time. The lease says which one believes it does; the fence,
// which grows with each taker, makes the store and the clusters refuse whoever is late.
//
// In the manner of the DynamoDB lock client (awslabs/amazon-dynamodb-lock-client, README): the row holds
// a relative length and a version; a waiter judges on its own clock whether the version has stood still
// for one length. Clocks are never compared.
import type { Clock } from "@runlet/runtime/clock";
import type { Log } from "@runlet/runtime/log";
import type { Random } from "@runlet/runtime/random";
import type { Settings } from "@runlet/runtime/settings";
import type { Fence } from "./fence.ts";
import { createFenceCounter } from "./fence-counter.ts";
import { readLease } from "./lease-row.ts";
import type { Table } from "./table.ts";
import { takeLease } from "./take-lease.ts";
import { watchLease } from "./watch-lease.ts";

// What a lease's user needs comes from one file.
export { formatFence, parseFence, type Fence } from "./fence.ts";
export { LeaseLost } from "./lease-lost.ts";

/** What a lease row says. */
export interface LeaseView {
  shard: string;
  /** The invocation that wrote it last. */
  holder: string;
  state: "held" | "released" | "resting";
  lengthMs: number;
  fence: Fence;
  /** The holder will release within moments; read often. */
  announced: boolean;
  /** Wall time (ms since 1970) of the next look; only when resting. */
  lookDueAt?: number;
  version: string;
}

export interface TakeOptions {
  /** This invocation's id. */
  holder: string;
  /** How long to wait for a held lease to be released or to run out; 0 = one read. */
  waitMs: number;
  /**
   * A successor: write its row while waiting, so that the holder knows somebody is there, and wait for the release.
   * Anybody else leaves as soon as the lease is seen to move: it is served.
   */
  register: boolean;
  /** The invocation's: aborted, it ends the waiting, and later the heartbeats of the lease taken. */
  signal: AbortSignal;
}

export type TakeResult =
  | {
      kind: "taken";
      lease: HeldLease;
      /** How it became free: never held, a planned release, a rest, or it ran out (its holder died or froze). */
      from: "new" | "released" | "resting" | "expired";
      previous: LeaseView | undefined;
    }
  /** Somebody else holds it and moved it while we waited. */
  | { kind: "held"; by: LeaseView };

/** A lease in our hands. Heartbeats run by themselves until release, loss or abort. */
export interface HeldLease {
  shard: string;
  fence: Fence;
  /**
   * Aborted (reason: LeaseLost) when a heartbeat was refused, or when the lease ran out after the
   * invocation's own signal had ended the heartbeats. A table that does not answer is no loss: guard()
   * blocks until it answers again.
   */
  signal: AbortSignal;
  /** Monotonic ms at which the lease runs out unless it is renewed; counted from before the write. */
  deadlineMs(): number;
  /**
   * To be awaited before every effect: resolves at once before 80 % of the lease, otherwise when the next
   * heartbeat has succeeded; rejects with LeaseLost when it was refused.
   */
  guard(): Promise<void>;
  /** One early heartbeat that says: about to release; later ones repeat it. Rejects with LeaseLost only. */
  announce(): Promise<void>;
  /**
   * Ends the heartbeats and gives the lease up in one put. "lost": somebody else has it already.
   * Rejects when the table does not answer until the lease has run out.
   */
  release(
    as: { state: "released" } | { state: "resting"; lookDueAt: number },
  ): Promise<"released" | "lost">;
  /** The registered successor, if one waits for this shard (one read). */
  findSuccessor(): Promise<string | undefined>;
}

export interface Leases {
  read(shard: string): Promise<LeaseView | undefined>;
  take(shard: string, options: TakeOptions): Promise<TakeResult>;
  /**
   * Watches one lease length: "moved" when its holder wrote meanwhile, "free" when it is or becomes free
   * (absent, released, resting), else "still" (it has run out).
   */
  watch(shard: string, signal: AbortSignal): Promise<"moved" | "still" | "free">;
  /** The next number of the deployment's one counter. */
  drawFence(): Promise<Fence>;
  /** Raises the counter above `n` (somebody edited a fence by hand) and draws. */
  drawFenceAbove(n: number): Promise<Fence>;
}

/** What the leases of a deployment need. */
export interface LeaseDeps {
  table: Table;
  clock: Clock;
  random: Random;
  log: Log;
  /** This deployment's name in every fence (installation.ts). */
  installation: string;
  settings: Pick<Settings, "leaseMs" | "heartbeatMs" | "waiterReadMs" | "announcedReadMs">;
}

/** The leases kept in a table. */
export function createLeases(deps: LeaseDeps): Leases {
  // A call without an answer for half a heartbeat is settled by reading, in time for the lease.
  const settled = { ...deps, callMs: deps.settings.heartbeatMs / 2 };
  const fences = createFenceCounter(settled);
  const parts = { ...settled, fences };
  return {
    read: (shard) => readLease(parts, shard).then((read) => read?.view),
    take: (shard, options) => takeLease(parts, shard, options),
    watch: (shard, signal) => watchLease(parts, shard, signal),
    drawFence: () => fences.draw(),
    drawFenceAbove: (n) => fences.drawAbove(n),
  };
}
