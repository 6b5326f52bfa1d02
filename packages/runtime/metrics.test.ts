import { expect, test } from "vitest";
import { createMetrics, type MetricsOptions } from "./metrics.ts";
import { metricTable, type Metric } from "./metrics-table.ts";
import { createVirtualClock } from "./virtual-clock.ts";

function create(options: Partial<MetricsOptions> = {}) {
  const lines: Record<string, unknown>[] = [];
  const clock = createVirtualClock();
  const write = (line: string) => void lines.push(JSON.parse(line));
  return { lines, clock, metrics: createMetrics({ write, clock }, { stage: "prod", ...options }) };
}

test("counts are added up and written as one line of the embedded metric format", () => {
  const { metrics, lines } = create();
  metrics.count("jobs-started");
  metrics.count("jobs-started", 4);
  expect(lines).toEqual([]);
  metrics.flush();
  expect(lines).toEqual([
    {
      _aws: {
        Timestamp: 1_767_225_600_000,
        CloudWatchMetrics: [
          {
            Namespace: "Runlet",
            Dimensions: [["stage"]],
            Metrics: [{ Name: "jobs-started", Unit: "Count" }],
          },
        ],
      },
      stage: "prod",
      "jobs-started": 5,
    },
  ]);
  metrics.flush();
  expect(lines.length).toBe(1);
});

test("a distribution keeps every value, at most 100 a line as the format asks", () => {
  const { metrics, lines } = create();
  const values = Array.from({ length: 250 }, (_, n) => n + 0.5);
  for (const value of values) metrics.observe("message-to-patch", value);
  metrics.flush();
  expect(lines.map((line) => line["message-to-patch"]).flat()).toEqual(values);
  expect(lines.length).toBe(3);
});

test("each combination of labels is a series of its own, and counts for the stage's alarm too", () => {
  const { metrics, lines } = create();
  metrics.count("pairs-patched", 1, { cluster: "east" });
  metrics.count("pairs-patched", 2, { cluster: "west" });
  metrics.count("pairs-patched", 3, { cluster: "east" });
  metrics.flush();
  expect(lines.map((line) => [line["cluster"], line["pairs-patched"]])).toEqual([
    ["east", 4],
    ["west", 2],
  ]);
  expect(lines[0]).toMatchObject({
    _aws: { CloudWatchMetrics: [{ Dimensions: [["stage"], ["stage", "cluster"]] }] },
  });
});

test("figures do not wait for the end of a long invocation", async () => {
  const { metrics, lines, clock } = create();
  metrics.count("empty-polls");
  await clock.runFor(59_000);
  metrics.count("empty-polls");
  expect(lines.length).toBe(0);
  await clock.runFor(1_000);
  metrics.count("empty-polls");
  expect(lines.map((line) => line["empty-polls"])).toEqual([3]);
  expect(clock.timersCount()).toBe(0);
});

test("labels that never end do not make series that never end", () => {
  const { metrics, lines } = create();
  for (let n = 0; n < 2_000; n++) metrics.count("failed-polls", 1, { reason: `reason-${n}` });
  metrics.flush();
  expect(lines.length).toBeLessThanOrEqual(501);
  const sum = lines.reduce((total, line) => total + Number(line["failed-polls"]), 0);
  expect(sum).toBe(2_000);
});

const metrics: [string, Metric][] = Object.entries(metricTable);

test.each(metrics)("%s says what it means, in a name that CloudWatch takes", (name, metric) => {
  expect(name).toMatch(/^[a-z]+(-[a-z]+)*$/);
  expect(metric.means).not.toBe("");
  // CloudWatch allows 30 dimensions, a bill two or three.
  expect(metric.by.length).toBeLessThanOrEqual(1);
});

test("an alarm has a name of its own, dimensions its metric has and a time CloudWatch takes", () => {
  const alarms = metrics.flatMap(([, { alarms, by }]) => alarms.map((alarm) => ({ ...alarm, by })));
  expect(new Set(alarms.map(({ name }) => name)).size).toBe(alarms.length);
  for (const { name, by, only = {}, while: other, periodMinutes, periods } of alarms) {
    expect(by, name).toEqual(expect.arrayContaining(Object.keys(only)));
    if (other !== undefined) expect(Object.keys(metricTable), name).toContain(other);
    // PutMetricAlarm: periods of an hour or more may look back a week, shorter ones a day.
    expect(periodMinutes * periods, name).toBeLessThanOrEqual(24 * 60);
  }
});
