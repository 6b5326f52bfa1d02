import { expect, test } from "vitest";
import { createMetrics, type MetricsOptions } from "./metrics.ts";
import { metricTable } from "./metrics-table.ts";
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

test("each combination of labels is a series of its own, and its labels are its dimensions", () => {
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
    _aws: { CloudWatchMetrics: [{ Dimensions: [["stage", "cluster"]] }] },
  });
});

test("the scale set is a dimension only where that is switched on", () => {
  for (const perScaleSet of [false, true]) {
    const { metrics, lines } = create({ perScaleSet });
    metrics.forScaleSet("gpu").count("empty-polls");
    metrics.flush();
    expect("scaleSet" in (lines[0] ?? {})).toBe(perScaleSet);
  }
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

test("every metric says what it means, in a name that CloudWatch takes", () => {
  for (const [name, { means, by }] of Object.entries(metricTable)) {
    expect(name).toMatch(/^[a-z]+(-[a-z]+)*$/);
    expect(means).not.toBe("");
    // CloudWatch allows 30 dimensions, a bill two or three.
    expect(by.length).toBeLessThanOrEqual(2);
  }
});
