// Why: beside the loops somebody must watch the clock, the wake flag and the registry, and say when the invocation
// is over. One pass a heartbeat; reads only.
import { describeError } from "@runlet/runtime/log";
import { isRestDue, tryRest } from "./rest.ts";
import type { ServedRows } from "./serve-rows.ts";
import type { Shard } from "./shard.ts";
import { createNudge } from "./nudge.ts";
import { noticeRunnerSets } from "./notice.ts";
import { race } from "./race.ts";

/** The registry's rows are read again after so many heartbeats without a flag. */
const rowsEvery = 4;

/** Resolves when it is time to hand over, or when the shard rests (its lease is released by then). */
export async function attend(shard: Shard, rows: ServedRows): Promise<"hand-over" | "rested"> {
  const { clock, settings } = shard.deps;
  const handOverAt = shard.run.deadlineMs - settings.reserveMs;
  const changed = createNudge();
  let rowsStale = false;
  noticeRunnerSets(shard, rows, () => {
    rowsStale = true;
    changed.nudge();
  });
  const startedAt = clock.nowMs();
  for (let pass = 0; ; pass++) {
    shard.signal.throwIfAborted();
    if (clock.nowMs() >= handOverAt) return "hand-over";
    changed.heard();
    try {
      const flagged = await seeFlag(shard);
      if (flagged || rowsStale || pass % rowsEvery === rowsEvery - 1) {
        rowsStale = false;
        await rows.refresh("other").catch((error: unknown) => {
          // The flag is cleared by now: what it stood for is still to be read.
          rowsStale = true;
          throw error;
        });
      }
      if (!flagged && isRestDue(shard, rows, startedAt) && (await tryRest(shard, rows))) {
        return "rested";
      }
    } catch (error) {
      // Given up, or lost: nothing is left to attend to.
      if (shard.hasEnded()) throw error;
      // The table is silent: the lease decides how long we go on without it.
      shard.log.warn("attending_failed", { error: describeError(error) });
    }
    await pause(shard, Math.min(settings.heartbeatMs, handOverAt - clock.nowMs()), changed.wait());
  }
}

async function pause(shard: Shard, ms: number, changed: Promise<void>): Promise<void> {
  if (ms <= 0) return;
  const timer = new AbortController();
  const slept = shard.deps.clock.sleep(ms, timer.signal).catch(() => {});
  await race(shard.signal, Promise.race([slept, changed]));
  timer.abort(new Error("no longer waited for"));
}

/** A webhook or the sweep wants somebody to look: our polls do so already; what is new is in the rows. */
async function seeFlag(shard: Shard): Promise<boolean> {
  const { wakes } = shard.deps;
  const flag = await wakes.findFlag(shard.run.shard);
  if (flag === undefined) return false;
  await shard.guard();
  await wakes.clear(shard.run.shard, flag);
  return true;
}
