// Why: a poller is invoked with no retries, so the platform says at once that one has failed (AWS, "Adding a destination":
// on failure). A successor is started then, the first one at once; a shard whose pollers fail one after the other is
// tried ever later. How often it has failed travels with the event, so nobody has to remember it.
import type { Invoker } from "@runlet/coordination/invoker";
import { backoffMs } from "@runlet/runtime/backoff";
import type { Clock } from "@runlet/runtime/clock";
import type { Log } from "@runlet/runtime/log";
import type { Random } from "@runlet/runtime/random";

export interface FailureDeps {
  clock: Clock;
  random: Random;
  log: Log;
  invoker: Invoker;
}

/** The event that a failed invocation was given. */
export interface FailedInvocation {
  shard: string;
  /** Failures in a row before it. */
  failures?: number | undefined;
}

const failureBackoff = { baseMs: 100, capMs: 30_000 };

/** Starts a poller in place of one that failed. Takes up to half a minute. */
export async function followFailure(deps: FailureDeps, failed: FailedInvocation): Promise<void> {
  const { shard, failures: before = 0 } = failed;
  const waitMs = before === 0 ? 0 : backoffMs(deps.random, failureBackoff, before - 1);
  deps.log.warn("poller_failed", { shard, failures: before + 1, waitMs });
  if (waitMs > 0) await deps.clock.sleep(waitMs);
  await deps.invoker.invoke({ shard, reason: "failure", failures: before + 1 });
}
