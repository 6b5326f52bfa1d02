// Why: whoever is told that a holder died must not believe it: it watches whether the lease still moves.
import type { Clock } from "@runlet/runtime/clock";
import type { Settings } from "@runlet/runtime/settings";
import { readLease } from "./lease-row.ts";
import type { SettleDeps } from "./put-settled.ts";
import { createStandstill } from "./standstill.ts";
import { noteStoodStill } from "./stood-still.ts";

export interface WatchDeps extends SettleDeps {
  clock: Clock;
  settings: Pick<Settings, "waiterReadMs">;
}

/**
 * "free": nobody holds the lease; "moved": its holder wrote while we watched; "still": it has run out.
 * Rejects with the signal's reason, or when the table does not answer.
 */
export async function watchLease(
  deps: WatchDeps,
  shard: string,
  signal: AbortSignal,
): Promise<"moved" | "still" | "free"> {
  const standstill = createStandstill();
  let first: string | undefined;
  for (;;) {
    const read = await readLease(deps, shard);
    signal.throwIfAborted();
    if (!read || read.view.state !== "held") return "free";
    first ??= read.view.version;
    if (read.view.version !== first) return "moved";
    const leftMs = standstill.leftMs(read);
    if (leftMs === 0) {
      // Without this word the next one watches for itself: slower, and as safe.
      await noteStoodStill(deps, shard, read.view.version).catch(() => {});
      return "still";
    }
    await deps.clock.sleep(Math.min(deps.settings.waiterReadMs, leftMs), signal);
  }
}
