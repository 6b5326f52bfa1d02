// Why: the checkpoint is what makes an acknowledged message safe and a session resumable. It is put only over the
// version we know; whoever wrote in between is either behind us (merge) or ahead of us (leave).
import { formatFence, parseFence } from "@runlet/coordination/lease";
import type { Checkpoint, StoredCheckpoint } from "@runlet/coordination/checkpoints";
import { judgeFence } from "./decide-fence.ts";
import { isStillOurs } from "./ownership.ts";
import { toCheckpoint, type ServedSet } from "./scale-set.ts";
import type { Shard } from "./shard.ts";

/** Thrown when another invocation serves the scale set: its loop ends without another effect. */
export class ScaleSetForgotten extends Error {
  override name = "ScaleSetForgotten";
}

const attempts = 5;

/** Puts the set's checkpoint. Throws ScaleSetForgotten when a larger fence wrote it. */
export async function save(
  shard: Shard,
  set: ServedSet,
  cursor: { lastMessageId: number; unacknowledged: number | undefined } = set,
): Promise<void> {
  let merged = cursor;
  for (let attempt = 0; attempt < attempts; attempt++) {
    const fence = formatFence(shard.fence());
    const checkpoint = toCheckpoint({ ...set, ...merged }, fence, shard.deps.clock.wallMs());
    const result = await shard.effect("table", set.row.key, () =>
      shard.deps.checkpoints.put(set.row.key, checkpoint, set.version),
    );
    if (result.kind === "put") {
      set.version = result.version;
      set.lastMessageId = merged.lastMessageId;
      set.unacknowledged = merged.unacknowledged;
      return;
    }
    await judgeOther(shard, set, result.current);
    set.version = result.current?.version;
    const theirs = result.current?.checkpoint;
    // A cursor means nothing in another session.
    if (theirs && theirs.session?.sessionId === set.session?.sessionId)
      merged = merge(merged, theirs);
  }
  throw new Error(`the checkpoint of ${set.row.key} changed ${attempts} times while it was put`);
}

async function judgeOther(
  shard: Shard,
  set: ServedSet,
  current: StoredCheckpoint | undefined,
): Promise<void> {
  if (current) {
    const verdict = judgeFence(current.checkpoint.fence, shard.fence());
    if (verdict.kind === "write") return;
    if (verdict.kind === "foreign") forget(set, `checkpoint of ${verdict.installation}`);
  }
  // Removed, or written with a larger number: by a successor, or by us with a number since raised.
  if (!(await isStillOurs(shard, set))) forget(set, "another invocation serves it");
  const theirs = current && parseFence(current.checkpoint.fence);
  if (theirs) await shard.raiseFence(theirs.n);
}

export function forget(set: ServedSet, why: string): never {
  set.log.warn("scale_set_forgotten", { why });
  throw new ScaleSetForgotten(`${set.row.key}: ${why}`);
}

/** What a late predecessor still did counts: its cursor, and the message it had not yet deleted. */
function merge(
  ours: { lastMessageId: number; unacknowledged: number | undefined },
  theirs: Checkpoint,
): { lastMessageId: number; unacknowledged: number | undefined } {
  if (theirs.lastMessageId <= ours.lastMessageId) return ours;
  return {
    lastMessageId: theirs.lastMessageId,
    unacknowledged: theirs.unacknowledgedMessageId ?? ours.unacknowledged,
  };
}
