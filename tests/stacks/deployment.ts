// Why: what a deployment would register with Pulumi, as values: all that the rules of this folder look at.

export interface Resource {
  /** Pulumi's, e.g. aws:lambda/function:Function */
  type: string;
  name: string;
  /** False for SST's components, which AWS never sees. */
  custom: boolean;
  /** What it was given, as JSON; secrets unwrapped. */
  inputs: Readonly<Record<string, unknown>>;
  retainOnDelete: boolean;
  /** A deployment that would delete or replace it fails. */
  isProtected: boolean;
  /** Names of those that are there before it. */
  after: readonly string[];
}

export interface Deployment {
  stage: string;
  /** As sst.config.ts's app() answers. */
  app: Readonly<Record<string, unknown>>;
  resources: readonly Resource[];
  /** As its run() answers. */
  outputs: Readonly<Record<string, unknown>>;
}

/** Short for the types that are asked for. */
export const types = {
  alarm: "aws:cloudwatch/metricAlarm:MetricAlarm",
  dashboard: "aws:cloudwatch/dashboard:Dashboard",
  accessEntry: "aws:eks/accessEntry:AccessEntry",
  eventInvokeConfig: "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig",
  function: "aws:lambda/function:Function",
  functionUrl: "aws:lambda/functionUrl:FunctionUrl",
  key: "aws:kms/key:Key",
  logGroup: "aws:cloudwatch/logGroup:LogGroup",
  permission: "aws:lambda/permission:Permission",
  queryDefinition: "aws:cloudwatch/queryDefinition:QueryDefinition",
  queue: "aws:sqs/queue:Queue",
  recursion: "aws:lambda/functionRecursionConfig:FunctionRecursionConfig",
  role: "aws:iam/role:Role",
  schedule: "aws:scheduler/schedule:Schedule",
  secret: "aws:secretsmanager/secret:Secret",
  subscription: "aws:sns/topicSubscription:TopicSubscription",
  table: "aws:dynamodb/table:Table",
  topic: "aws:sns/topic:Topic",
} as const;

export const functionNames = ["webhook", "poller", "sweep"] as const;
export type FunctionName = (typeof functionNames)[number];

export function listOf(deployment: Deployment, type: string): Resource[] {
  return deployment.resources.filter((resource) => resource.type === type);
}

/** The only one of its type whose name begins so. Throws when there is none, or another. */
export function oneOf(deployment: Deployment, type: string, start = ""): Resource {
  const all = listOf(deployment, type);
  const found = all.filter(({ name }) => name.startsWith(start));
  const [one] = found;
  if (one && found.length === 1) return one;
  const names = all.map(({ name }) => name).join(", ") || "none";
  throw new Error(`${found.length} of ${type} begin with "${start}"; there are: ${names}`);
}

/** SST's name of what belongs to a function. */
export function componentOf(name: FunctionName): string {
  return `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
}

export function functionOf(deployment: Deployment, name: FunctionName): Resource {
  return oneOf(deployment, types.function, componentOf(name));
}
