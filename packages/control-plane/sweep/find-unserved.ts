// Why: pollers start their own successors; the sweep is for when that chain is cut. It judges a lease as any
// waiter does, on its own clock: one length without a move means that nobody is there.
import type { Leases, LeaseView } from "@runlet/coordination/lease";
import type { Registry, ScaleSetRow } from "@runlet/coordination/registry";
import type { Wakes } from "@runlet/coordination/wake";
import type { PollerEvent } from "@runlet/coordination/invoker";
import type { Clock } from "@runlet/runtime/clock";
import type { Log } from "@runlet/runtime/log";

export interface UnservedDeps {
  clock: Clock;
  log: Log;
  leases: Leases;
  registry: Registry;
  wakes: Wakes;
}

export interface Unserved {
  shard: string;
  reason: PollerEvent["reason"];
  why: "never-served" | "released" | "lease-ran-out" | "look-due" | "flag-set" | "set-not-listed";
}

/** The shards of `rows` that need a poller; takes at most one lease length. */
export async function findUnserved(
  deps: UnservedDeps,
  rows: ScaleSetRow[],
  signal: AbortSignal,
): Promise<Unserved[]> {
  const shards = Map.groupBy(rows, ({ shard }) => shard);
  const found = await Promise.all(
    [...shards].map(([shard, own]) =>
      judge(deps, shard, own, signal).catch((error: unknown) => {
        signal.throwIfAborted();
        // One row that cannot be read must not leave the other shards alone.
        deps.log.error("shard_not_judged", { shard, error });
        return undefined;
      }),
    ),
  );
  return found.filter((unserved) => unserved !== undefined);
}

async function judge(
  deps: UnservedDeps,
  shard: string,
  rows: ScaleSetRow[],
  signal: AbortSignal,
): Promise<Unserved | undefined> {
  const lease = await deps.leases.read(shard);
  if (!lease) return { shard, reason: "sweep", why: "never-served" };
  if (lease.state === "resting") return judgeResting(deps, lease, rows);
  if (lease.state === "released") return { shard, reason: "sweep", why: "released" };
  const serves = await deps.registry.findServes(shard);
  const listed = new Set(serves?.scaleSetKeys ?? []);
  const watched = await deps.leases.watch(shard, signal);
  if (watched === "still") return { shard, reason: "failure", why: "lease-ran-out" };
  if (rows.some(({ key }) => !listed.has(key))) {
    return { shard, reason: "sweep", why: "set-not-listed" };
  }
  return undefined;
}

async function judgeResting(
  deps: UnservedDeps,
  lease: LeaseView,
  rows: ScaleSetRow[],
): Promise<Unserved | undefined> {
  const { shard } = lease;
  if (await deps.wakes.findFlag(shard)) return { shard, reason: "flag", why: "flag-set" };
  const listed = new Set((await deps.registry.findServes(shard))?.scaleSetKeys ?? []);
  if (rows.some(({ key }) => !listed.has(key))) {
    return { shard, reason: "sweep", why: "set-not-listed" };
  }
  if ((lease.lookDueAt ?? 0) > deps.clock.wallMs()) return undefined;
  return { shard, reason: "look", why: "look-due" };
}
