// Why: the list of benchmarks, by the name one types.
import type { Bench } from "./bench.ts";
import { bundles } from "./bundles.ts";
import { cluster } from "./cluster.ts";
import { coldStart } from "./cold-start.ts";
import { cost } from "./cost.ts";
import { handOver } from "./hand-over.ts";
import { idleMemory } from "./idle-memory.ts";
import { jobToPatch } from "./job-to-patch.ts";
import { pollerMemory } from "./poller-memory.ts";
import { pollerShare } from "./poller-share.ts";
import { takeOver } from "./take-over.ts";
import { webhookFlood } from "./webhook-flood.ts";

export const benches: Record<string, Bench> = {
  "idle-memory": idleMemory,
  "job-to-patch": jobToPatch,
  "take-over": takeOver,
  "hand-over": handOver,
  "webhook-flood": webhookFlood,
  cluster,
  bundles,
  "cold-start": coldStart,
  "poller-memory": pollerMemory,
  "poller-share": pollerShare,
  cost,
};
