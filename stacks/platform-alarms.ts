// Why: a function that was cut, refused or never started can count nothing itself; Lambda and SQS count for it.
import { cloudSettings } from "@runlet/runtime/settings";
import type { AlarmParts, Watch } from "./alarms.ts";
import type { Part } from "./stage.ts";

const parts = ["webhook", "poller", "sweep"] as const;

/** The alarms on AWS's own figures. */
export function listPlatformAlarms({ stage, functions, failed }: AlarmParts): Watch[] {
  const { settings } = stage;
  const lambda = (part: Part, metricName: string, stat: string, minutes: number) => ({
    id: part,
    returnData: false,
    metric: {
      namespace: "AWS/Lambda",
      metricName,
      dimensions: { FunctionName: functions[part].name },
      stat,
      period: minutes * 60,
    },
  });
  const sum = (expression: string) => [
    { id: "watched", expression, label: "watched", returnData: true },
  ];
  const ofAll = (metricName: string, minutes: number) => [
    ...parts.map((part) => lambda(part, metricName, "Sum", minutes)),
    ...sum(parts.map((part) => `FILL(${part}, 0)`).join(" + ")),
  ];
  const ofPoller = (metricName: string, stat: string, minutes: number) => [
    { ...lambda("poller", metricName, stat, minutes), returnData: true },
  ];
  // Milliseconds to gigabyte-seconds.
  const price = (part: Part, memoryMb: number) => `FILL(${part}, 0) * ${memoryMb / 1024 / 1_000}`;
  const every = (periodMinutes: number, periods = 1) => ({ periodMinutes, periods });
  return [
    {
      name: "function-errors",
      means: "invocations that ended in an error or were cut at their deadline",
      is: { above: 2 },
      ...every(15),
      queries: ofAll("Errors", 15),
    },
    {
      name: "function-throttled",
      means: "invocations that were refused since no concurrency was left",
      is: { above: 0 },
      ...every(5, 2),
      queries: ofAll("Throttles", 5),
    },
    {
      name: "poller-near-limit",
      means: "the longest invocation of the poller: a planned one ends well before its limit",
      is: { above: cloudSettings.invocationMs - cloudSettings.jobStartedHoldMs },
      ...every(15),
      queries: ofPoller("Duration", "Maximum", 15),
    },
    {
      name: "wakes-dropped",
      means: "wakes of a poller that the platform gave up on",
      is: { above: 0 },
      ...every(5),
      queries: ofPoller("AsyncEventsDropped", "Sum", 5),
    },
    {
      name: "failed-not-empty",
      means: "sweeps that failed or were never started",
      is: { above: 0 },
      ...every(5),
      queries: [
        {
          id: "watched",
          returnData: true,
          metric: {
            namespace: "AWS/SQS",
            metricName: "ApproximateNumberOfMessagesVisible",
            dimensions: { QueueName: failed.nodes.queue.name },
            stat: "Maximum",
            period: 300,
          },
        },
      ],
    },
    {
      name: "cost-guard",
      means: "gigabyte-seconds that the functions took in a day",
      is: { above: settings.gbSecondsPerDayMax },
      ...every(1_440),
      queries: [
        ...parts.map((part) => lambda(part, "Duration", "Sum", 1_440)),
        ...sum(
          [
            price("webhook", settings.webhookMemoryMb),
            price("poller", settings.pollerMemoryMb),
            price("sweep", settings.sweepMemoryMb),
          ].join(" + "),
        ),
      ],
    },
  ];
}
