// Why: a lease says nothing of time: clocks are never compared. Whether its holder lives is seen by watching, as a waiter
// does, but without leaving a trace: status only looks.
import { readLease } from "@runlet/coordination/lease-row";
import type { LeaseView } from "@runlet/coordination/lease";
import { createStandstill } from "@runlet/coordination/standstill";
import type { SettleDeps } from "@runlet/coordination/put-settled";

export interface Holder {
  /** "alive": the lease moved while it was watched; "silent": it stood still for its whole length. */
  state: "alive" | "silent" | "released" | "resting" | "none";
  lease: LeaseView | undefined;
  /** How long it was watched until that was clear, ms: an alive holder's heartbeat is younger than this. */
  watchedMs: number;
}

const readEveryMs = 250;

/** Ends after one heartbeat of a living holder, after the lease's length for a dead one. */
export async function watchHolder(deps: SettleDeps, shard: string): Promise<Holder> {
  const { clock } = deps;
  const startedMs = clock.nowMs();
  const standstill = createStandstill();
  let first: string | undefined;
  for (;;) {
    const read = await readLease(deps, shard);
    const watchedMs = clock.nowMs() - startedMs;
    if (!read) return { state: "none", lease: undefined, watchedMs };
    const { view: lease } = read;
    if (lease.state !== "held") return { state: lease.state, lease, watchedMs };
    first ??= lease.version;
    if (lease.version !== first) return { state: "alive", lease, watchedMs };
    const leftMs = standstill.leftMs(read);
    if (leftMs === 0) return { state: "silent", lease, watchedMs };
    await clock.sleep(Math.min(readEveryMs, leftMs));
  }
}
