// Why: a poller is started by an event of ours, or by the platform's word that one has failed: it is invoked with no
// retries and is its own on-failure destination (AWS, "Adding a destination"), so a successor starts at once. A shard
// whose pollers fail one after the other is tried ever later; how often it has failed is how deep the record is nested.
import type { PollerEvent } from "@runlet/coordination/invoker";
import { backoffMs } from "@runlet/runtime/backoff";
import type { Clock } from "@runlet/runtime/clock";
import type { Random } from "@runlet/runtime/random";
import * as z from "zod";

const event = z.object({
  shard: z.string(),
  reason: z.enum(["webhook", "sweep", "look", "successor", "failure", "flag"]),
});
/** What Lambda tells a destination; `requestPayload` is what the failed invocation was given. */
const failureRecord = z.object({ requestPayload: z.unknown() });

/** The event, and how many invocations in a row have failed before it. Throws for anything else. */
export function parsePollerEvent(input: unknown): PollerEvent & { failures: number } {
  let failures = 0;
  let inner = input;
  for (let record; (record = failureRecord.safeParse(inner).data?.requestPayload); failures++) {
    inner = record;
  }
  const { shard, reason } = event.parse(inner);
  return { shard, reason: failures > 0 ? "failure" : reason, failures };
}

const failureBackoff = { baseMs: 100, capMs: 30_000 };

/** Waits before an invocation that follows failed ones: not at all for the first, up to half a minute for later ones. */
export async function waitAfterFailures(
  deps: { clock: Clock; random: Random },
  failures: number,
): Promise<void> {
  if (failures > 1) await deps.clock.sleep(backoffMs(deps.random, failureBackoff, failures - 2));
}
