// Why: deadlines, leases, time-outs and limits of concurrency only work together. Each line below is one relation that must
// hold between what the deployment sets and what the code counts on.
import { cloudSettings } from "@runlet/runtime/settings";
import { followersMax } from "@runlet/control-plane/sweep/follow-failure";
import * as z from "zod";
import { functionOf, listOf, oneOf, types, type Deployment } from "./deployment.ts";

const functionShape = z.object({
  name: z.string(),
  timeout: z.number(),
  memorySize: z.number(),
  reservedConcurrentExecutions: z.number(),
  architectures: z.tuple([z.literal("arm64")]),
  runtime: z.literal("nodejs24.x"),
});
const invokeShape = z.object({
  maximumRetryAttempts: z.number(),
  maximumEventAgeInSeconds: z.number(),
  destinationConfig: z.object({ onFailure: z.object({ destination: z.string() }) }).optional(),
});
const scheduleShape = z.object({
  scheduleExpression: z.string(),
  state: z.string(),
  target: z.object({
    arn: z.string(),
    deadLetterConfig: z.object({ arn: z.string() }),
    retryPolicy: z.object({ maximumRetryAttempts: z.number() }),
  }),
});
const alarmShape = z.object({
  threshold: z.number(),
  metricQueries: z.array(z.object({ metric: z.object({ period: z.number() }).optional() })),
});

/** An account may run a thousand at once (a new one less, until it asks), a hundred of them unreserved (AWS, "Lambda quotas"). */
const reservableMax = 900;

/** What does not hold. `scaleSetsMax`: as the stage's settings have it. */
export function judgeTimes(deployment: Deployment, scaleSetsMax = 1_000): string[] {
  const relations = [
    ...relationsOfCode(),
    ...relationsOfFunctions(deployment, scaleSetsMax),
    ...relationsOfInvocation(deployment),
    ...relationsOfAlarms(deployment),
  ];
  return relations.flatMap(([holds, what]) => (holds ? [] : [what]));
}

type Relation = [holds: boolean, what: string];

function relationsOfCode(): Relation[] {
  const { leaseMs, heartbeatMs, effectTimeoutMs, reserveMs, pollTimeoutMs } = cloudSettings;
  const { invocationMs, jobStartedHoldMs, sweepEveryMs } = cloudSettings;
  return [
    [leaseMs >= 3 * heartbeatMs, "a lease outlives two lost heartbeats"],
    [effectTimeoutMs < leaseMs, "a call ends before the lease does"],
    [effectTimeoutMs <= reserveMs, "what was begun can end before the deadline"],
    [jobStartedHoldMs < effectTimeoutMs, "news of jobs hold up less than a call may take"],
    [pollTimeoutMs + reserveMs < invocationMs, "an invocation has time for a poll"],
    [leaseMs < sweepEveryMs, "the sweep finds a lease that ran out, not one that is held"],
  ];
}

function relationsOfFunctions(deployment: Deployment, scaleSetsMax: number): Relation[] {
  const [webhook, poller, sweep] = (["webhook", "poller", "sweep"] as const).map((name) =>
    functionShape.parse(functionOf(deployment, name).inputs),
  );
  if (!webhook || !poller || !sweep) throw new Error("three functions");
  const { invocationMs, leaseMs, effectTimeoutMs, sweepEveryMs, shardSize } = cloudSettings;
  const shards = Math.ceil(scaleSetsMax / shardSize);
  const all = [webhook, poller, sweep];
  const reserved = all.map((one) => one.reservedConcurrentExecutions);
  return [
    [all.every((one) => one.timeout <= 900), "Lambda ends each at 900 s"],
    [webhook.timeout <= 10, "GitHub waits for 10 s"],
    [poller.timeout * 1_000 === invocationMs, "the poller's limit is the one it plans by"],
    // A sweep looks on for one lease, between reading and what it asks GitHub, each a few calls (run-sweep.ts).
    [sweep.timeout * 1_000 >= leaseMs + 6 * effectTimeoutMs, "the sweep can end"],
    [sweep.timeout * 1_000 < 2 * sweepEveryMs, "no more than two sweeps overlap"],
    // Holder and successor, one after a failure, one that a webhook woke.
    [poller.reservedConcurrentExecutions >= 4 * shards, "each shard has its pollers"],
    [sweep.reservedConcurrentExecutions >= 2 + shards, "failures of all shards are followed"],
    [reserved.every((one) => one > 0), "none is switched off"],
    [sum(reserved) <= reservableMax, "an account can reserve this"],
    [all.every(({ memorySize }) => memorySize >= 128 && memorySize <= 10_240), "Lambda's sizes"],
  ];
}

function relationsOfInvocation(deployment: Deployment): Relation[] {
  const configs = new Map(
    listOf(deployment, types.eventInvokeConfig).map(({ inputs }) => [
      inputs["functionName"],
      invokeShape.parse(inputs),
    ]),
  );
  const named = (name: "poller" | "sweep") =>
    configs.get(functionOf(deployment, name).inputs["name"]);
  const [poller, sweep] = [named("poller"), named("sweep")];
  const target = (config: typeof poller) => config?.destinationConfig?.onFailure.destination ?? "";
  const schedule = scheduleShape.parse(oneOf(deployment, types.schedule).inputs);
  const recursion = oneOf(deployment, types.recursion).inputs;
  const queue = String(oneOf(deployment, types.queue).inputs["name"]);
  const sweepName = String(functionOf(deployment, "sweep").inputs["name"]);
  const pollerConfig = oneOf(deployment, types.eventInvokeConfig, "Poller");
  const ages = [poller, sweep].map((config) => config?.maximumEventAgeInSeconds ?? 0);
  return [
    [poller?.maximumRetryAttempts === 0, "a failed poller is not tried again by the platform"],
    [sweep?.maximumRetryAttempts === 0, "a failed sweep is not tried again by the platform"],
    [target(poller).endsWith(`:function:${sweepName}`), "the sweep hears of a failed poller"],
    [pollerConfig.after.includes("SweepFunction"), "the sweep is there before it is named"],
    [target(sweep).endsWith(`:${queue}`), "a failed sweep is kept to look at"],
    // Lambda takes no less than a minute (API, PutFunctionEventInvokeConfig).
    [ages.every((age) => age >= 60), "Lambda takes the age of events"],
    [ages.every((age) => age * 1_000 <= cloudSettings.sweepEveryMs), "what waits is the sweep's"],
    [schedule.scheduleExpression === "rate(1 minute)", "the sweep comes each minute"],
    [schedule.state === "ENABLED", "the schedule is on"],
    [schedule.target.arn.endsWith(`:function:${sweepName}`), "the schedule starts the sweep"],
    [schedule.target.retryPolicy.maximumRetryAttempts === 0, "a missed minute is not made up for"],
    [schedule.target.deadLetterConfig.arn.endsWith(`:${queue}`), "a missed minute is seen"],
    [recursion["functionName"] === functionOf(deployment, "poller").inputs["name"], "its chain"],
    [recursion["recursiveLoop"] === "Allow", "a poller may start its successor for ever"],
    // Lambda ends a chain after about 16 (AWS, "Use Lambda recursive loop detection"); sweep and poller take turns.
    [2 * followersMax < 16, "the sweep's chain of successors ends before Lambda ends it"],
  ];
}

function relationsOfAlarms(deployment: Deployment): Relation[] {
  const alarm = (name: string) => {
    const { threshold, metricQueries } = alarmShape.parse(
      oneOf(deployment, types.alarm, `Alarm-${name}`).inputs,
    );
    const periods = metricQueries.map(({ metric }) => (metric?.period ?? 0) * 1_000);
    return { threshold, periodMs: Math.max(...periods) };
  };
  const near = alarm("poller-near-limit").threshold;
  const { invocationMs, reserveMs, sweepEveryMs } = cloudSettings;
  const poller = functionShape.parse(functionOf(deployment, "poller").inputs);
  const oneShardADay = (poller.memorySize / 1_024) * 86_400;
  return [
    [near < invocationMs, "the poller's alarm rings before it is cut"],
    [near > invocationMs - reserveMs, "a planned end is no alarm"],
    [alarm("shard-without-holder").periodMs >= sweepEveryMs, "each period has a sweep's figure"],
    [alarm("cost-guard").threshold > oneShardADay, "one shard that is always on is no alarm"],
  ];
}

const sum = (numbers: number[]) => numbers.reduce((total, one) => total + one, 0);
