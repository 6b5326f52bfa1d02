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
  let last: ServedSet | undefined;
  const began = (set: ServedSet) => {
    // What an attempt before could not give back still stands in the way of this one.
    set.orphanPossible ||= last?.orphanPossible ?? false;
    last = set;
    serving.began(set);
  };
  for (let attempt = 0; !signal.aborted; attempt++) {
    const startedAt = clock.nowMs();
    try {
      return await serveOnce(shard, { ...serving, from, began });
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

async function serveOnce(shard: Shard, serving: Serving): Promise<void> {
  const { signal, from } = serving;
  const set = await loadSet(shard, serving);
  set.orphanPossible ||= !set.session && from === "death";
  serving.began(set);
  const clusters = serving.row().targets.map(({ cluster }) => cluster);
  await shard.clusters.ready(clusters, signal);
  if (from === "death") await shard.turns.pass(() => stampFences(shard, set));
  await pollScaleSet(shard, set, from === "hand-over" ? "as-it-is" : "refresh", signal);
}

async function loadSet(shard: Shard, { row, service }: Serving): Promise<ServedSet> {
  const { key } = row();
  const log = shard.log.with({ scaleSet: key });
  const { stored, lostSession } = await load(shard, key);
  const set = createServedSet(row(), service, log, stored);
  set.orphanPossible = lostSession;
  return set;
}

interface Loaded {
  stored: StoredCheckpoint | undefined;
  /** There may be a session that we cannot open. */
  lostSession: boolean;
}

async function load(shard: Shard, key: string): Promise<Loaded> {
  try {
    const stored = await shard.effect("table", key, () => shard.deps.checkpoints.load(key));
    return { stored, lostSession: false };
  } catch (error) {
    if (!(error instanceof CheckpointUnreadable)) throw error;
    const { reason, version, rest } = error;
    shard.log.error("checkpoint_unreadable", { scaleSet: key, reason, why: error.message });
    // What a newer Runlet wrote is left alone, and the reason is shown at each try.
    if (reason === "newer") throw error;
    const checkpoint = rest ?? { fence: "0", scaleSetId: 0, lastMessageId: 0, targets: {} };
    return { stored: { checkpoint, version }, lostSession: true };
  }
}
