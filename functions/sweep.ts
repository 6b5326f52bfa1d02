// Why: the entry of the sweep: each minute, one look at what could have been missed. It also hears of pollers that failed.
import { createRoot } from "#root";
import { followFailure } from "@runlet/control-plane/sweep/follow-failure";
import { runSweep } from "@runlet/control-plane/sweep/run-sweep";
import * as z from "zod";

/** Lambda's record of a failed asynchronous invocation; `requestPayload` is what a poller was given. */
const failure = z.object({
  requestPayload: z.object({ shard: z.string(), failures: z.int().optional() }),
});

export async function handler(event: unknown) {
  const { sweep, failureDeps, flush } = await createRoot();
  const failed = failure.safeParse(event).data?.requestPayload;
  if (failed) return followFailure(failureDeps, failed);
  return runSweep(sweep, new AbortController().signal).finally(flush);
}
