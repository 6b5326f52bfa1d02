// Why: every metric costs money by name and dimension, and every alarm and panel refers to one by name. So
// all of them stand in one table; a new one is one line here.

export type MetricUnit = "Count" | "Milliseconds";

interface Metric {
  unit: MetricUnit;
  /** Dimensions a caller may give beside the stage. Their values must be few and known (a cluster, a result). */
  by: readonly string[];
  /** For the dashboard: what one sees in it. */
  means: string;
}

const count = (means: string, by: readonly string[] = []): Metric => ({ unit: "Count", by, means });
const time = (means: string, by: readonly string[] = []): Metric => {
  return { unit: "Milliseconds", by, means };
};

export const metricTable = {
  messages: count("polls that brought a message"),
  "empty-polls": count("polls that brought nothing"),
  "failed-polls": count("polls that brought an error", ["reason"]),
  "pairs-patched": count("desired counts written to a cluster", ["cluster"]),
  "pairs-owed": count("desired counts that a cluster could not take yet", ["cluster"]),
  "message-to-patch": time("from a message's arrival until its pairs are applied"),
  "jobs-started": count("jobs that began on a runner"),
  "jobs-acquired": count("available jobs taken"),
  "take-overs": count("leases taken because their holder died or froze"),
  "hand-overs": count("leases passed on as planned"),
  rests: count("shards that went to rest"),
  "sessions-created": count("message sessions opened anew"),
  "sessions-resumed": count("message sessions taken over from the invocation before"),
  "sessions-orphaned": count("sessions lost between their creation and their checkpoint"),
  "session-conflicts": count("sessions refused because another is open"),
  webhooks: count("deliveries by what became of them", ["result"]),
  "sweep-wakes": count("shards that the sweep had to wake", ["why"]),
  "sweeps-empty": count("sweeps that found nothing to do"),
} as const satisfies Record<string, Metric>;

export type MetricName = keyof typeof metricTable;

/** The dimensions that a metric may carry. */
export type MetricLabels<N extends MetricName> = {
  [K in (typeof metricTable)[N]["by"][number]]?: string;
};
