// Why: the entry of the sweep: each minute, one look at what could have been missed; and the word of a poller's failure.
import { createRoot } from "#root";
import { followFailure, parseFailure } from "@runlet/control-plane/sweep/follow-failure";
import { runSweep } from "@runlet/control-plane/sweep/run-sweep";

export async function handler(input: unknown) {
  const failed = parseFailure(input);
  const { sweep, flush } = await createRoot();
  if (failed) return followFailure(sweep, failed);
  return runSweep(sweep, new AbortController().signal).finally(flush);
}
