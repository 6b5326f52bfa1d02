// Why: whatever goes wrong in a scale set's loop stays there: the loop begins again from the checkpoint, later each
// time, and the other 199 do not notice.
import { CheckpointUnreadable, type StoredCheckpoint } from "@runlet/coordination/checkpoints";
import type { ScaleSetRow } from "@runlet/coordination/registry";
import type { ActionsService } from "@runlet/actions-service/service";
import { backoffMs } from "@runlet/runtime/backoff";
import { describeError } from "@runlet/runtime/log";
import { pollScaleSet } from "./poll-scale-set.ts";
import { ScaleSetForgotten } from "./save.ts";
import { createServedSet, type ServedSet } from "./scale-set.ts";
import type { Shard } from "./shard.ts";
import { stampFences } from "./stamp-fences.ts";

const againBackoff = { baseMs: 250, capMs: 30_000 };

export interface Serving {
  row: () => ScaleSetRow;
  service: ActionsService;
  /** How this shard came to serve the set. */
  from: "hand-over" | "death" | "other";
  signal: AbortSignal;
  /** The loop's present state, made anew after each failure. */
  began: (set: ServedSet) => void;
}

/** Runs until the signal aborts or another invocation serves the set. */
export async function serveScaleSet(shard: Shard, serving: Serving): Promise<void> {
  const { signal } = serving;
  const { clock, random } = shard.deps;
  let { from } = serving;
  for (let attempt = 0; !signal.aborted; attempt++) {
    const startedAt = clock.nowMs();
    try {
      return await serveOnce(shard, serving, from);
    } catch (error) {
      if (shard.hasEnded() || signal.aborted || error instanceof ScaleSetForgotten) return;
      const scaleSet = serving.row().key;
      shard.log.error("scale_set_failed", { scaleSet, error: describeError(error) });
    }
    from = "other";
    // A loop that went well for a while has earned a quick retry.
    if (clock.nowMs() - startedAt > againBackoff.capMs) attempt = 0;
    await clock.sleep(backoffMs(random, againBackoff, attempt), signal).catch(() => {});
  }
}

async function serveOnce(shard: Shard, serving: Serving, from: Serving["from"]): Promise<void> {
  const { signal } = serving;
  const set = await loadSet(shard, serving);
  set.orphanPossible = !set.session && from === "death";
  serving.began(set);
  await shard.clusters.ready(shard.deps.settings.effectTimeoutMs, signal);
  if (from === "death") await shard.turns.pass(() => stampFences(shard, set));
  await pollScaleSet(shard, set, from === "hand-over" ? "as-it-is" : "refresh", signal);
}

async function loadSet(shard: Shard, { row, service }: Serving): Promise<ServedSet> {
  const { key } = row();
  const log = shard.log.with({ scaleSet: key });
  const stored = await load(shard, key);
  return createServedSet(row(), service, log, stored);
}

async function load(shard: Shard, key: string): Promise<StoredCheckpoint | undefined> {
  try {
    return await shard.effect(key, () => shard.deps.checkpoints.load(key));
  } catch (error) {
    if (!(error instanceof CheckpointUnreadable)) throw error;
    // Of a newer Runlet, or its key is gone: nothing is overwritten, and the reason is shown each time.
    shard.log.error("checkpoint_unreadable", { scaleSet: key, error: describeError(error) });
    throw error;
  }
}
