// Why: a poller that fails is not tried again by the platform, which tells the sweep at once instead (AWS, "Adding a
// destination"). Its own destination it cannot be: Lambda answers "You can't specify the function as a destination for
// itself" (no page of AWS says so; localstack's Lambda gives the same answer). So a successor starts without waiting for
// the minute. Shards whose pollers fail one after the other are tried ever later and then left to that minute: a chain
// has an end.
import type { Invoker, PollerEvent } from "@runlet/coordination/invoker";
import { backoffMs } from "@runlet/runtime/backoff";
import type { Clock } from "@runlet/runtime/clock";
import type { Log } from "@runlet/runtime/log";
import type { Random } from "@runlet/runtime/random";
import * as z from "zod";
import { parsePollerEvent } from "../poller/poller-event.ts";

export interface FollowDeps {
  clock: Clock;
  random: Random;
  log: Log;
  invoker: Invoker;
}

/** What Lambda tells a destination; `requestPayload` is what the failed invocation was given. */
const failureRecord = z.object({ requestPayload: z.unknown() });
const backoff = { baseMs: 100, capMs: 5_000 };

/** So many successors follow one another; with their waits that is a few seconds. */
export const followersMax = 6;

/** The event of the poller that has failed; undefined when the sweep was started by its schedule. */
export function parseFailure(input: unknown): PollerEvent | undefined {
  const record = failureRecord.safeParse(input).data;
  return record?.requestPayload === undefined ? undefined : parsePollerEvent(record.requestPayload);
}

/** Starts a poller after one that has failed: the first at once. After six in a row nobody is started. */
export async function followFailure(
  { clock, random, log, invoker }: FollowDeps,
  { shard, failures: before = 0 }: PollerEvent,
): Promise<"followed" | "left"> {
  const failures = before + 1;
  if (failures > followersMax) {
    log.error("poller_left_to_sweep", { shard, failures });
    return "left";
  }
  if (before > 0) await clock.sleep(backoffMs(random, backoff, before - 1));
  await invoker.invoke({ shard, reason: "failure", failures });
  return "followed";
}
