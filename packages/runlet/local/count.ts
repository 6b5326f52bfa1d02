// Why: on one machine there is no CloudWatch to add figures up; they go where the facts go, so that the demo
// and `status` can read them.
import type { PollerMetrics } from "@runlet/control-plane/poller/deps";
import type { Log } from "@runlet/runtime/log";

/** Metrics as debug lines. */
export function countInLog(log: Log): PollerMetrics {
  return {
    count: (metric, by = 1) => log.debug("counted", { metric, by }),
    messageToPatch: (ms) => log.debug("message_to_patch", { ms }),
  };
}
