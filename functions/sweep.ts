// Why: the entry of the sweep: each minute, one look at what could have been missed.
import { createRoot } from "#root";
import { runSweep } from "@runlet/control-plane/sweep/run-sweep";

export async function handler() {
  const { sweep, flush } = await createRoot();
  return runSweep(sweep, new AbortController().signal).finally(flush);
}
