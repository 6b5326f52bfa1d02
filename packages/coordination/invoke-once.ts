// Why: a burst of webhooks reaches a resting shard through many containers, long before the first poller has its lease.
// Whoever invokes says for which version of the lease; until that moves, or the invocation must be lost, the others
// leave it at their flag, which the poller will see.
import * as z from "zod/mini";
import type { Invoker, PollerEvent } from "./invoker.ts";
import { keys } from "./keys.ts";
import { getSettled, putSettled, removeSettled, type SettleDeps } from "./put-settled.ts";

/** Longer than a cold start; a poller that has not come by then is invoked again. */
const againMs = 3_000;
const invokedRow = z.object({ leaseVersion: z.string(), at: z.number() });

/** False: somebody else has invoked a poller that is on its way. Rejects when the invoker does. */
export async function invokeOnce(
  deps: SettleDeps & { invoker: Invoker },
  event: PollerEvent,
  leaseVersion: string,
): Promise<boolean> {
  const key = keys.invoked(event.shard);
  const there = await getSettled(deps, key);
  const last = invokedRow.safeParse(there?.value).data;
  const at = Math.round(deps.clock.wallMs());
  if (last?.leaseVersion === leaseVersion && Math.abs(at - last.at) < againMs) return false;
  const row = { key, version: deps.random.uuid(), value: { leaseVersion, at } };
  const when = there ? { version: there.version } : ({ absent: true } as const);
  if ((await putSettled(deps, row, when)).kind === "refused") return false;
  try {
    await deps.invoker.invoke(event);
  } catch (error) {
    // Nobody is on its way: the next wake must try at once.
    await removeSettled(deps, key, row.version).catch(() => {});
    throw error;
  }
  return true;
}
