// Why: the entry of the poller: one invocation serves one shard. Parse, take the root, hand over.
import { createRoot } from "#root";
import { parsePollerEvent } from "@runlet/control-plane/poller/poller-event";
import { runShard } from "@runlet/control-plane/poller/run-shard";

interface Context {
  awsRequestId: string;
  getRemainingTimeInMillis(): number;
}

export async function handler(input: unknown, context: Context) {
  const { shard, reason } = parsePollerEvent(input);
  const { clock, pollerFor, flush } = await createRoot();
  const deadlineMs = clock.nowMs() + context.getRemainingTimeInMillis();
  const poller = pollerFor(shard);
  const { signal } = new AbortController();
  const run = { shard, reason, invocationId: context.awsRequestId, deadlineMs, signal };
  return runShard(poller, run).finally(flush);
}
