// Why: on one machine there is no CloudWatch to add figures up; they go where the facts go, so that the demo
// and `status` can read them.
import type { Log } from "@runlet/runtime/log";
import type { MetricSink } from "@runlet/runtime/metrics";

/** Metrics as debug lines. */
export function countInLog(log: Log): MetricSink {
  return {
    count: (metric, by = 1, labels = {}) => log.debug("counted", { metric, by, ...labels }),
    observe: (metric, value, labels = {}) => log.debug("observed", { metric, value, ...labels }),
  };
}
