// Why: a wake must not fall between a holder's last look and its release. The flag is a row of its own.
// Waker: write the flag, then read the lease; free → invoke. A holder that rests: release, then read the flag once
// more and wake the shard if it is set. One that hands over leaves the flag to its successor, which reads it as soon
// as it has the lease. Either order leaves somebody who sees the other.
import type { Invoker, PollerEvent } from "./invoker.ts";
import { invokeOnce } from "./invoke-once.ts";
import { keys } from "./keys.ts";
import type { Leases } from "./lease.ts";
import { getSettled, putSettled, removeSettled, type SettleDeps } from "./put-settled.ts";
import { findStoodStill } from "./stood-still.ts";
import { TableBusy } from "./table.ts";

export interface Wakes {
  /**
   * Flags the shard, then invokes a poller unless a live holder is there to see the flag, or one was invoked moments ago
   * and is on its way. Coalesced: one flag a shard.
   */
  wake(shard: string, reason: PollerEvent["reason"]): Promise<"invoked" | "flagged">;
  /** The flag's version, if it is set. */
  findFlag(shard: string): Promise<string | undefined>;
  /** Clears the flag that was seen; one set since stays. */
  clear(shard: string, version: string): Promise<void>;
}

export interface WakeDeps extends SettleDeps {
  invoker: Invoker;
  leases: Pick<Leases, "read">;
}

/** Wakes through flags in a table. Rejects when the table or the invoker does not take it. */
export function createWakes(deps: WakeDeps): Wakes {
  const inFlight = createCoalescer();

  async function wake(
    shard: string,
    reason: PollerEvent["reason"],
  ): Promise<"invoked" | "flagged"> {
    await setFlag(deps, shard);
    const [lease, stoodStill] = await Promise.all([
      deps.leases.read(shard),
      findStoodStill(deps, shard),
    ]);
    // A holder that died looks alive until somebody has watched its lease run out.
    if (lease?.state === "held" && stoodStill !== lease.version) return "flagged";
    return (await invokeOnce(deps, { shard, reason }, lease?.version ?? ""))
      ? "invoked"
      : "flagged";
  }
  return {
    wake: (shard, reason) => inFlight(shard, () => wake(shard, reason)),
    findFlag: async (shard) => (await getSettled(deps, keys.flag(shard)))?.version,
    async clear(shard, version) {
      await removeSettled(deps, keys.flag(shard), version);
    },
  };
}

/**
 * Gives the flag a new version even if it is set: whoever clears the version it saw before our news must
 * leave ours. A flag that somebody else set meanwhile is as good.
 */
async function setFlag(deps: SettleDeps, shard: string): Promise<void> {
  const key = keys.flag(shard);
  let there = (await getSettled(deps, key))?.version;
  for (let turn = 0; turn < 10; turn++) {
    const row = { key, version: deps.random.uuid(), value: { set: true } };
    const when = there === undefined ? ({ absent: true } as const) : { version: there };
    const result = await putSettled(deps, row, when);
    if (result.kind === "put" || (result.current && result.current.version !== there)) return;
    there = result.current?.version;
  }
  throw new TableBusy(`the flag of shard ${shard} was cleared by others ten times in a row`);
}

/**
 * One call a key at a time, and at most one more waiting: those who come while one is under way share the
 * next, because the one under way may have looked before their news.
 */
function createCoalescer() {
  const running = new Map<string, Promise<unknown>>();
  const waiting = new Map<string, Promise<"invoked" | "flagged">>();
  return (key: string, run: () => Promise<"invoked" | "flagged">) => {
    const shared = waiting.get(key);
    if (shared) return shared;
    const start = () => {
      waiting.delete(key);
      const call = run().finally(() => {
        if (running.get(key) === call) running.delete(key);
      });
      running.set(key, call);
      return call;
    };
    const before = running.get(key);
    if (!before) return start();
    const next = before.then(start, start);
    waiting.set(key, next);
    return next;
  };
}
