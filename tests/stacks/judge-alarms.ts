// Why: an alarm on a figure that nobody writes never rings, and one without a runbook rings in vain. The figures are those that
// the code's own metrics write, in CloudWatch's embedded format; the alarms are those of the deployment.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { createMetrics } from "@runlet/runtime/metrics";
import { metricTable, type MetricName } from "@runlet/runtime/metrics-table";
import * as z from "zod";
import { listOf, oneOf, types, type Deployment, type Resource } from "./deployment.ts";
import { root } from "./platform.ts";

const metric = z.object({
  namespace: z.string(),
  metricName: z.string(),
  dimensions: z.record(z.string(), z.string()),
  stat: z.enum(["Sum", "Maximum", "Minimum", "Average", "p95"]),
  period: z.int(),
});
const query = z.object({
  id: z.string(),
  returnData: z.boolean(),
  expression: z.string().optional(),
  metric: metric.optional(),
});
const alarmShape = z.object({
  name: z.string(),
  alarmDescription: z.string(),
  metricQueries: z.array(query).min(1),
  evaluationPeriods: z.int(),
  datapointsToAlarm: z.int(),
  threshold: z.number(),
  comparisonOperator: z.enum(["GreaterThanThreshold", "LessThanThreshold"]),
  alarmActions: z.array(z.string()),
});
export type Alarm = z.infer<typeof alarmShape>;

/** An alarm as the deployment makes it; throws for one of another form. */
export function parseAlarm({ inputs }: Resource): Alarm {
  return alarmShape.parse(inputs);
}

/** AWS's own (Lambda, "Types of metrics"; SQS, "Available CloudWatch metrics"), and the dimension each is watched by. */
const platformMetrics: Record<string, string> = {
  "AWS/Lambda Errors": "FunctionName",
  "AWS/Lambda Throttles": "FunctionName",
  "AWS/Lambda Duration": "FunctionName",
  "AWS/Lambda AsyncEventsDropped": "FunctionName",
  "AWS/SQS ApproximateNumberOfMessagesVisible": "QueueName",
};

/** What is wrong with the alarms. */
export function judgeAlarms(deployment: Deployment): string[] {
  const alarms = listOf(deployment, types.alarm).map(parseAlarm);
  const written = seriesOf(deployment.stage);
  const topic = String(oneOf(deployment, types.topic).inputs["name"]);
  return [
    ...alarms.flatMap((alarm) => [
      ...judgeShape(alarm).map((what) => `${alarm.name}: ${what}`),
      ...judgeFigures(deployment, alarm, written).map((what) => `${alarm.name}: ${what}`),
      ...(alarm.alarmActions.some((arn) => arn.endsWith(`:${topic}`))
        ? []
        : [`${alarm.name} calls nobody`]),
    ]),
    ...judgeRunbooks(deployment, alarms),
  ];
}

/** What CloudWatch would refuse (PutMetricAlarm), or never evaluate. */
function judgeShape(alarm: Alarm): string[] {
  const { metricQueries: queries, evaluationPeriods } = alarm;
  const periods = new Set(queries.flatMap((one) => one.metric?.period ?? []));
  const [period = 0] = periods;
  const returned = queries.filter(({ returnData }) => returnData);
  const ids = queries.map(({ id }) => id);
  const used = returned.flatMap(({ expression }) => expression?.match(/\b[a-z]\w*\b/g) ?? []);
  return [
    periods.size !== 1 && "its figures have several periods",
    period * evaluationPeriods > 86_400 && "it looks back for more than a day",
    period % 60 !== 0 && "its period is no whole minute",
    alarm.datapointsToAlarm > evaluationPeriods && "more must ring than are looked at",
    returned.length !== 1 && "not exactly one figure is watched",
    ids.some((id) => !/^[a-z]\w*$/.test(id)) && "an id that CloudWatch refuses",
    queries.some((one) => (one.expression === undefined) === (one.metric === undefined)) &&
      "a query is a figure or an expression, not both",
    used.some((id) => !ids.includes(id)) && "its expression names what is not there",
    used.length > 0 &&
      ids.some((id) => id !== returned[0]?.id && !used.includes(id)) &&
      "its expression leaves out a figure",
  ].filter((what) => what !== false);
}

function judgeFigures(deployment: Deployment, alarm: Alarm, written: Set<string>): string[] {
  const names = new Map([
    ["FunctionName", listOf(deployment, types.function).map(({ inputs }) => inputs["name"])],
    ["QueueName", listOf(deployment, types.queue).map(({ inputs }) => inputs["name"])],
  ]);
  return alarm.metricQueries.flatMap(({ metric: figure }) => {
    if (!figure) return [];
    const { namespace, metricName, dimensions } = figure;
    if (namespace === "Runlet") {
      const series = seriesKey(metricName, dimensions);
      return written.has(series) ? [] : [`nobody writes ${series}`];
    }
    const dimension = platformMetrics[`${namespace} ${metricName}`];
    if (!dimension) return [`AWS has no ${namespace} ${metricName}`];
    const there = names.get(dimension)?.includes(dimensions[dimension]);
    return there ? [] : [`there is no ${dimension} ${dimensions[dimension]}`];
  });
}

function judgeRunbooks({ stage }: Deployment, alarms: Alarm[]): string[] {
  const books = readdirSync(join(root, "docs/runbooks")).map((file) => file.replace(/\.md$/, ""));
  const short = alarms.map(({ name }) => name.replace(`runlet-${stage}-`, ""));
  const expected = Object.values(metricTable).flatMap(({ alarms: own }) =>
    own.map(({ name }) => name),
  );
  return [
    ...expected.filter((name) => !short.includes(name)).map((name) => `there is no alarm ${name}`),
    ...books.filter((name) => !short.includes(name)).map((name) => `no alarm has runbook ${name}`),
    ...alarms.flatMap(({ name, alarmDescription }) => {
      const book = /docs\/runbooks\/[\w-]+\.md/.exec(alarmDescription)?.[0];
      return book && existsSync(join(root, book)) ? [] : [`${name} has no runbook`];
    }),
  ];
}

const line = z.looseObject({
  _aws: z.object({
    CloudWatchMetrics: z.array(
      z.object({
        Namespace: z.literal("Runlet"),
        Dimensions: z.array(z.array(z.string())),
        Metrics: z.array(z.object({ Name: z.string() })),
      }),
    ),
  }),
});

/** Each series that the code can write for this stage: every metric of the table, once plainly and once with each label. */
function seriesOf(stage: string): Set<string> {
  const written = new Set<string>();
  const write = (text: string) => {
    const one = line.parse(JSON.parse(text));
    for (const { Dimensions, Metrics } of one._aws.CloudWatchMetrics) {
      for (const names of Dimensions) {
        const values = Object.fromEntries(names.map((name) => [name, String(one[name])]));
        for (const { Name } of Metrics) written.add(seriesKey(Name, values));
      }
    }
  };
  const metrics = createMetrics({ write, clock: { nowMs: () => 0, wallMs: () => 0 } }, { stage });
  for (const [name, { by, alarms }] of Object.entries(metricTable)) {
    // `as`: the table's own keys; the labels are those it names.
    const count = metrics.count as (name: MetricName, by: number, labels?: object) => void;
    count(name as MetricName, 1);
    for (const { only } of alarms) {
      const known = Object.keys(only ?? {}).every((label) => by.some((one) => one === label));
      if (only && known) count(name as MetricName, 1, only);
    }
  }
  metrics.flush();
  return written;
}

function seriesKey(name: string, dimensions: Record<string, string>): string {
  const sorted = Object.entries(dimensions).toSorted(([a], [b]) => a.localeCompare(b));
  return `${name} of ${sorted.map(([key, value]) => `${key}=${value}`).join(", ")}`;
}
