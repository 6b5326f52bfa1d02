// Why: figures leave a function as log lines in CloudWatch's embedded metric format (AWS, "Specification:
// Embedded metric format"): no call, no agent, no wait. They are added up here first, since a line a poll
// would cost more than the poll.
import type { Clock } from "./clock.ts";
import { metricTable, type MetricLabels, type MetricName } from "./metrics-table.ts";

export interface Metrics {
  /** Adds `by` (default 1) to a count. */
  count<N extends MetricName>(name: N, by?: number, labels?: MetricLabels<N>): void;
  /** Notes one value of a distribution, in the metric's unit. */
  observe<N extends MetricName>(name: N, value: number, labels?: MetricLabels<N>): void;
  /** Writes what was added up. To be called when an invocation ends; in between it happens by itself. */
  flush(): void;
}

/** What a part that only counts asks for. */
export type MetricSink = Pick<Metrics, "count" | "observe">;

export interface MetricsDeps {
  /** Where the log's lines go too. */
  write: (line: string) => void;
  clock: Pick<Clock, "nowMs" | "wallMs">;
}

export interface MetricsOptions {
  /** The deployment's name, a dimension of every metric. */
  stage: string;
  /** Default "Runlet". */
  namespace?: string;
  /** The next figure after this long writes what there is; default 60 s, CloudWatch's own resolution. */
  flushEveryMs?: number;
}

interface Series {
  name: MetricName;
  dimensions: Record<string, string>;
  /** One sum for a count, every value for a distribution. */
  values: number[];
}

// The format takes 100 values of one metric a line; dimension values stop growing long before it hurts.
const valuesMax = 100;
const seriesMax = 500;

/** Metrics that are written through `write` as single JSON lines. */
export function createMetrics(deps: MetricsDeps, options: MetricsOptions): Metrics {
  const { clock } = deps;
  const flushEveryMs = options.flushEveryMs ?? 60_000;
  const series = new Map<string, Series>();
  let since: number | undefined;

  function find(name: MetricName, labels: Record<string, string>): Series {
    const full = series.size >= seriesMax;
    const dimensions = { stage: options.stage, ...labels };
    const key = JSON.stringify([name, dimensions]);
    const known = series.get(key);
    if (known) return known;
    // Figures without their dimensions are better than a bill without an end.
    if (full && Object.keys(labels).length > 0) return find(name, {});
    const made: Series = { name, dimensions, values: [] };
    series.set(key, made);
    return made;
  }
  function flush() {
    for (const one of series.values()) {
      for (let from = 0; from < one.values.length; from += valuesMax) {
        deps.write(
          formatLine(one, one.values.slice(from, from + valuesMax), clock.wallMs(), options),
        );
      }
    }
    series.clear();
    since = undefined;
  }
  function tick() {
    since ??= clock.nowMs();
    if (clock.nowMs() - since >= flushEveryMs) flush();
  }
  return {
    count(name, by = 1, labels = {}) {
      const { values } = find(name, given(labels));
      values[0] = (values[0] ?? 0) + by;
      tick();
    },
    observe(name, value, labels = {}) {
      find(name, given(labels)).values.push(value);
      tick();
    },
    flush,
  };
}

/** Labels whose value is known. */
function given(labels: { [name: string]: string | undefined }): Record<string, string> {
  const known = Object.entries(labels).flatMap(([name, value]): [string, string][] => {
    return value === undefined ? [] : [[name, value]];
  });
  return Object.fromEntries(known);
}

function formatLine(series: Series, values: number[], wallMs: number, options: MetricsOptions) {
  const { name, dimensions } = series;
  const own = Object.keys(dimensions);
  const definition = {
    Namespace: options.namespace ?? "Runlet",
    // An alarm looks at one series and adds none up: so each figure also counts for the stage as a whole.
    Dimensions: own.length > 1 ? [["stage"], own] : [own],
    Metrics: [{ Name: name, Unit: metricTable[name].unit }],
  };
  return JSON.stringify({
    _aws: { Timestamp: Math.round(wallMs), CloudWatchMetrics: [definition] },
    ...dimensions,
    [name]: values.length === 1 ? values[0] : values,
  });
}
