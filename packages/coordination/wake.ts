// Why: a wake must not fall between a holder's last look and its release. The flag is a row of its own.
// Waker: write the flag, then read the lease; free → invoke. Holder: release, then read the flag once more
// and wake the shard if it is set. Either order leaves somebody who sees the other.
import type { PollerEvent } from "./invoker.ts";

export interface Wakes {
  /** Flags the shard, then invokes a poller unless a live holder is there to see the flag. Coalesced: one flag a shard. */
  wake(shard: string, reason: PollerEvent["reason"]): Promise<"invoked" | "flagged">;
  /** The flag's version, if it is set. */
  findFlag(shard: string): Promise<string | undefined>;
  /** Clears the flag that was seen; one set since stays. */
  clear(shard: string, version: string): Promise<void>;
}
