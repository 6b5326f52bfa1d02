// Why: the entry of the poller: one invocation serves one shard. Parse, take the root, hand over.
import { createRoot } from "#root";
import { runShard } from "@runlet/control-plane/poller/run-shard";
import * as z from "zod";

const event = z.object({
  shard: z.string(),
  reason: z.enum(["webhook", "sweep", "look", "successor", "failure", "flag"]),
});
interface Context {
  awsRequestId: string;
  getRemainingTimeInMillis(): number;
}

export async function handler(input: unknown, context: Context) {
  const { shard, reason } = event.parse(input);
  const { clock, pollerFor, flush } = await createRoot();
  const deadlineMs = clock.nowMs() + context.getRemainingTimeInMillis();
  const { signal } = new AbortController();
  const run = { shard, reason, invocationId: context.awsRequestId, deadlineMs, signal };
  return runShard(pollerFor(shard), run).finally(flush);
}
