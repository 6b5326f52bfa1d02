// Why: a shard that cannot be woken must not keep the others asleep; the next sweep finds it again.
import type { PollerEvent } from "@runlet/coordination/invoker";
import type { Wakes } from "@runlet/coordination/wake";
import type { Log } from "@runlet/runtime/log";

/** Wakes every shard, side by side; a wake that fails is logged. */
export async function wakeEach(
  deps: { wakes: Wakes; log: Log },
  events: readonly PollerEvent[],
): Promise<void> {
  await Promise.all(
    events.map(({ shard, reason }) =>
      deps.wakes.wake(shard, reason).catch((error: unknown) => {
        deps.log.error("wake_failed", { shard, error });
      }),
    ),
  );
}
