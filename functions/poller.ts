// Why: the entry of the poller: one invocation serves one shard. Parse, take the root, hand over.
import { createRoot } from "#root";
import { runShard } from "@runlet/control-plane/poller/run-shard";
import { z } from "zod";

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
  const { clock, poller } = await createRoot();
  const deadlineMs = clock.nowMs() + context.getRemainingTimeInMillis();
  const { signal } = new AbortController();
  const invocationId = context.awsRequestId;
  return runShard(poller, { shard, reason, invocationId, deadlineMs, signal });
}
