// Why: one page that answers "is it well?" from top to bottom: alarms, functions, then each figure with its sentence.
import { metricTable } from "@runlet/runtime/metrics-table";
import type { Part, Stage } from "./stage.ts";

interface DashboardParts {
  stage: Stage;
  functions: Record<Part, sst.aws.Function>;
  alarmArns: $util.Input<string>[];
}

const columns = 3;
const width = 24 / columns;
const height = 6;

export function createDashboard({ stage, functions, alarmArns }: DashboardParts) {
  const { region } = stage;
  const lambda = (metric: string, stat: string) => ({
    title: `Lambda: ${metric}`,
    region,
    stat,
    period: 300,
    metrics: Object.values(functions).map(({ name }) => [
      "AWS/Lambda",
      metric,
      "FunctionName",
      name,
    ]),
  });
  const own = Object.entries(metricTable).map(([name, { means, unit, by }]) => ({
    title: `${name}: ${means}`,
    region,
    // With a dimension, a line for each of its values.
    metrics: [
      [
        {
          expression: `SEARCH('{Runlet,${["stage", ...by].join(",")}} MetricName="${name}" stage="${stage.name}"', '${unit === "Count" ? "Sum" : "Maximum"}', 300)`,
          label: by.length > 0 ? "" : name,
        },
      ],
    ],
  }));
  const graphs = [
    lambda("ConcurrentExecutions", "Maximum"),
    lambda("Errors", "Sum"),
    lambda("Duration", "Maximum"),
    ...own,
  ];
  const alarms = {
    type: "alarm",
    x: 0,
    y: 0,
    width: 24,
    height,
    properties: { title: "Alarms", alarms: alarmArns },
  };
  const widgets = graphs.map((properties, at) => ({
    type: "metric",
    x: (at % columns) * width,
    y: height + Math.floor(at / columns) * height,
    width,
    height,
    properties: { view: "timeSeries", ...properties },
  }));
  return new aws.cloudwatch.Dashboard("Dashboard", {
    dashboardName: stage.nameOf("overview"),
    dashboardBody: $jsonStringify({ widgets: [alarms, ...widgets] }),
  });
}
