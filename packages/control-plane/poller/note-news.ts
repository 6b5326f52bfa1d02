// Why: timelines are for people, so a store that is slow with them holds up neither a message nor the next poll: what is
// told waits in a list of bounded length, and one writer at a time takes all that is in it.
import type { JobNews } from "@runlet/actions-service/service";
import type { ServedSet } from "./scale-set.ts";
import type { Shard } from "./shard.ts";

/** News that waits beyond this is left out. */
const untoldMax = 1_000;

/** Has the news noted beside everything else; returns at once. */
export function noteNews(shard: Shard, set: ServedSet, news: readonly JobNews[]): void {
  const { notes } = set;
  const taken = news.slice(0, untoldMax - notes.untold.length);
  notes.untold.push(...taken);
  if (taken.length < news.length) {
    set.log.warn("timeline_left_out", { newsCount: news.length - taken.length });
  }
  if (notes.underWay) return;
  notes.underWay = true;
  void writeAll(shard, set).finally(() => (notes.underWay = false));
}

async function writeAll(shard: Shard, set: ServedSet): Promise<void> {
  try {
    // The next poll goes out first.
    await shard.deps.clock.sleep(0, shard.signal);
    while (set.notes.untold.length > 0 && !shard.signal.aborted) {
      await shard.deps.timelines?.note(set.row.key, set.notes.untold.splice(0));
    }
  } catch (error) {
    if (!shard.signal.aborted) set.log.warn("timeline_failed", { error });
  }
}
