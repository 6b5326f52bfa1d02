// Why: one invocation serves a shard at a time. The lease says which one believes it does; the fence,
// which grows with each taker, makes the store and the clusters refuse whoever is late.
//
// In the manner of the DynamoDB lock client (awslabs/amazon-dynamodb-lock-client, README): the row holds
// a relative length and a version; a waiter judges on its own clock whether the version has stood still
// for one length. Clocks are never compared.

/** `installation:n`; n comes from one counter of the whole deployment and grows with each taker. */
export interface Fence {
  installation: string;
  n: number;
}

export function formatFence(fence: Fence): string {
  return `${fence.installation}:${fence.n}`;
}

/** Undefined for "0" (made by a reconciler, never served) and for text that is no fence. */
export function parseFence(text: string): Fence | undefined {
  const parts = /^([A-Za-z0-9-]+):(\d{1,15})$/.exec(text);
  return parts?.[1] && parts[2] ? { installation: parts[1], n: Number(parts[2]) } : undefined;
}

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
  /** Write the successor row while waiting, so that the holder knows somebody is there. */
  register: boolean;
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
  /** Aborted (reason: LeaseLost) when a heartbeat is refused or the lease cannot be renewed in time. */
  signal: AbortSignal;
  /** Monotonic ms at which the lease runs out unless it is renewed; counted from before the write. */
  deadlineMs(): number;
  /**
   * To be awaited before every effect: resolves at once before 80 % of the lease, otherwise when the next
   * heartbeat has succeeded; rejects with LeaseLost when it was refused.
   */
  guard(): Promise<void>;
  /** One early heartbeat that says: about to release. */
  announce(): Promise<void>;
  /** Ends the heartbeats and gives the lease up in one put. "lost": somebody else has it already. */
  release(
    as: { state: "released" } | { state: "resting"; lookDueAt: number },
  ): Promise<"released" | "lost">;
  /** The registered successor, if one waits for this shard (one read). */
  findSuccessor(): Promise<string | undefined>;
}

export class LeaseLost extends Error {
  override name = "LeaseLost";
}

export interface Leases {
  read(shard: string): Promise<LeaseView | undefined>;
  take(shard: string, options: TakeOptions): Promise<TakeResult>;
  /** Watches one lease length: "moved" when its version changed meanwhile, else "still" (it has run out). */
  watch(shard: string, signal: AbortSignal): Promise<"moved" | "still" | "free">;
  /** The next number of the deployment's one counter. */
  drawFence(): Promise<Fence>;
  /** Raises the counter above `n` (somebody edited a fence by hand) and draws. */
  drawFenceAbove(n: number): Promise<Fence>;
}
