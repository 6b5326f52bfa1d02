// Why: alarms come with the deployment, on by default. Those of our own figures stand beside the figures
// (packages/runtime/metrics-table.ts), those of the platform's in platform-alarms.ts; each has a runbook.
import { metricTable, type MetricAlarm } from "@runlet/runtime/metrics-table";
import { listPlatformAlarms } from "./platform-alarms.ts";
import type { Part, Stage } from "./stage.ts";

export interface AlarmParts {
  stage: Stage;
  functions: Record<Part, sst.aws.Function>;
  /** The queue of what the platform gave up on. */
  failed: sst.aws.Queue;
}

/** One alarm, in what all of them have of CloudWatch's words. */
export interface Watch extends Omit<MetricAlarm, "statistic" | "only" | "while"> {
  means: string;
  queries: aws.types.input.cloudwatch.MetricAlarmMetricQuery[];
}

export function createAlarms(parts: AlarmParts) {
  const { stage } = parts;
  // Not encrypted by a key of KMS: alarms may not publish under SNS's own one, and what they say is no secret.
  const topic = new sst.aws.SnsTopic("Alarms");
  const { alarmEmail } = stage.settings;
  if (alarmEmail !== undefined) {
    new aws.sns.TopicSubscription("AlarmMail", {
      topic: topic.arn,
      protocol: "email",
      endpoint: alarmEmail,
    });
  }
  const watches = [...listOwnAlarms(stage.name), ...listPlatformAlarms(parts)];
  const alarms = watches.map((watch) => {
    const above = "above" in watch.is;
    return new aws.cloudwatch.MetricAlarm(`Alarm-${watch.name}`, {
      name: stage.nameOf(watch.name),
      alarmDescription: `${watch.means}. docs/runbooks/${watch.name}.md says what to do.`,
      metricQueries: watch.queries,
      threshold: "above" in watch.is ? watch.is.above : watch.is.below,
      comparisonOperator: above ? "GreaterThanThreshold" : "LessThanThreshold",
      evaluationPeriods: watch.periods,
      datapointsToAlarm: watch.periods,
      treatMissingData: "notBreaching",
      alarmActions: [topic.arn],
      okActions: [topic.arn],
    });
  });
  return { topic, arns: alarms.map(({ arn }) => arn) };
}

function listOwnAlarms(stageName: string): Watch[] {
  return Object.entries(metricTable).flatMap(([metric, { means, alarms }]) =>
    alarms.map((alarm) => ({ ...alarm, means, queries: queriesFor(stageName, metric, alarm) })),
  );
}

function queriesFor(stageName: string, metricName: string, alarm: MetricAlarm): Watch["queries"] {
  const { statistic, periodMinutes, is, only, while: condition } = alarm;
  const query = (id: string, name: string, stat: string, labels = {}) => ({
    id,
    returnData: id === "watched",
    metric: {
      namespace: "Runlet",
      metricName: name,
      dimensions: { stage: stageName, ...labels },
      stat,
      period: periodMinutes * 60,
    },
  });
  if (condition === undefined) return [query("watched", metricName, statistic, only)];
  // The threshold itself is no alarm, above or below.
  const calm = "above" in is ? is.above : is.below;
  const expression = `IF(FILL(condition, 0) > 0, FILL(figure, 0), ${calm})`;
  return [
    query("figure", metricName, statistic, only),
    query("condition", condition, "Sum"),
    { id: "watched", expression, label: alarm.name, returnData: true },
  ];
}
