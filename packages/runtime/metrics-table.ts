// Why: every metric costs money by name and dimension, and every alarm and panel refers to one by name. So
// all of them stand in one table, each with the alarm that watches it; a new one is one line here.

export type MetricUnit = "Count" | "Milliseconds" | "Percent";

/** When somebody is called, in CloudWatch's words. Missing figures are no alarm. */
export interface MetricAlarm {
  /** Its name, and that of its runbook in docs/runbooks. */
  name: string;
  statistic: "Sum" | "Maximum" | "Minimum" | "p95";
  /** Rings when the statistic of a period is above, or below, this … */
  is: { above: number } | { below: number };
  periodMinutes: number;
  /** … in so many periods in a row. */
  periods: number;
  /** Only the figures with this dimension; else all of the stage. */
  only?: Readonly<Record<string, string>>;
  /** Only in periods in which this metric's sum is above 0; then a missing figure counts as 0. */
  while?: string;
}

export interface Metric {
  unit: MetricUnit;
  /** Dimensions a caller may give beside the stage. Their values must be few and known (a cluster, a result). */
  by: readonly string[];
  /** For the dashboard: what one sees in it. */
  means: string;
  alarms: readonly MetricAlarm[];
}

type More = Partial<Pick<Metric, "by" | "alarms">>;

/** Keeps the labels' names in the type. */
const count = <const M extends More>(means: string, more?: M) => define("Count", means, more);
const time = <const M extends More>(means: string, more?: M) => define("Milliseconds", means, more);
const percent = <const M extends More>(means: string, more?: M) => define("Percent", means, more);

const minute = 60_000;

export const metricTable = {
  messages: count("polls that brought a message"),
  "empty-polls": count("polls that brought nothing"),
  "failed-polls": count("polls that brought an error", { by: ["reason"] }),
  "pairs-patched": count("desired counts written to a cluster", { by: ["cluster"] }),
  "pairs-owed": count("desired counts that a cluster could not take yet", { by: ["cluster"] }),
  "fences-refused": count(
    "writes held back since somebody with a larger number, or another installation, has written",
    { alarms: [alarm("fence-refused", "Sum", { above: 0 }, [5, 1])] },
  ),
  "message-to-patch": time("from a message's arrival until its pairs are applied"),
  "jobs-started": count("jobs that began on a runner"),
  "jobs-acquired": count("available jobs taken"),
  // GitHub assigns a job anew that no runner has taken within minutes (actions-runner-controller #4602).
  "job-start": time("from a job's assignment to its scale set until a runner had it", {
    alarms: [alarm("jobs-start-late", "p95", { above: 4 * minute }, [15, 2])],
  }),
  "jobs-waiting": time(
    "for how long a scale set has had assigned jobs of which none has begun, at each look",
    { alarms: [alarm("jobs-waiting", "Maximum", { above: 10 * minute }, [5, 1])] },
  ),
  "take-overs": count("leases taken because their holder died or froze", {
    alarms: [alarm("take-overs-repeated", "Sum", { above: 2 }, [15, 1])],
  }),
  "hand-overs": count("leases passed on as planned"),
  rests: count("shards that went to rest"),
  "sessions-created": count("message sessions opened anew"),
  "sessions-resumed": count("message sessions taken over from the invocation before"),
  "sessions-orphaned": count("sessions lost between their creation and their checkpoint"),
  "session-conflicts": count("sessions refused because another is open", {
    alarms: [alarm("session-conflict", "Sum", { above: 0 }, [5, 1])],
  }),
  webhooks: count("deliveries by what became of them", {
    by: ["result"],
    alarms: [
      {
        ...alarm("webhook-signatures", "Sum", { above: 5 }, [5, 1]),
        only: { result: "unauthorized" },
      },
      { ...alarm("webhook-silence", "Sum", { below: 1 }, [60, 1]), while: "jobs-started" },
    ],
  }),
  "webhooks-redelivered": count("failed deliveries that GitHub was asked to send again"),
  "sweep-wakes": count("shards that the sweep had to wake", { by: ["why"] }),
  "shards-unserved": count("shards with scale sets and without a holder, at each sweep", {
    alarms: [alarm("shard-without-holder", "Maximum", { above: 0 }, [1, 3])],
  }),
  "sweeps-empty": count("sweeps that found nothing to do"),
  "sweep-parts-failed": count("parts of a sweep that failed or were cut short", { by: ["part"] }),
  "sweep-time": time("how long a sweep took"),
  "scale-sets": count("scale sets in the registry, at each sweep"),
  "scale-sets-unowned": count(
    "scale sets at GitHub with jobs and without a runner that no registered cluster has",
  ),
  "scale-sets-deleted": count("shared scale sets deleted at GitHub after their last target"),
  "clusters-silent": count("sweeps that a cluster did not answer", {
    by: ["cluster"],
    alarms: [alarm("cluster-unreachable", "Sum", { above: 0 }, [1, 3])],
  }),
  "credentials-refused": count("scopes without a good credential, and calls that GitHub refused", {
    by: ["why"],
    alarms: [alarm("credential-rejected", "Sum", { above: 0 }, [5, 3])],
  }),
  "credential-days-left": count("days until the token that ends first, where it ends", {
    alarms: [alarm("credential-expires", "Minimum", { below: 14 }, [60, 1])],
  }),
  "github-calls": count("calls of GitHub's REST API", { by: ["result"] }),
  "github-calls-left": percent("of the hour's REST calls, after each call", {
    alarms: [alarm("github-rate-limit", "Minimum", { below: 20 }, [5, 1])],
  }),
} as const satisfies Record<string, Metric>;

export type MetricName = keyof typeof metricTable;

/** The dimensions that a metric may carry. */
export type MetricLabels<N extends MetricName> = {
  [K in (typeof metricTable)[N]["by"][number]]?: string;
};

function define<M extends More>(unit: MetricUnit, means: string, more?: M) {
  // `as`: what is not given is an empty list, which has no labels.
  return { unit, means, by: [], alarms: [], ...more } as {
    unit: MetricUnit;
    means: string;
    by: M extends { by: infer B extends readonly string[] } ? B : readonly never[];
    alarms: readonly MetricAlarm[];
  };
}

function alarm(
  name: string,
  statistic: MetricAlarm["statistic"],
  is: MetricAlarm["is"],
  [periodMinutes, periods]: [number, number],
): MetricAlarm {
  return { name, statistic, is, periodMinutes, periods };
}
