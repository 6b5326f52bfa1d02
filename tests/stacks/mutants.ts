// Why: a rule that nothing can break shows nothing. Each mistake here is one that a change of stacks/ could make, and names
// what must be said of it.
import type { SynthesisOptions } from "./synthesize.ts";

export interface StackMutant extends NonNullable<SynthesisOptions["mutant"]> {
  name: string;
  /** Part of what a rule says. */
  said: string;
  /** It shows only there; else in prod. */
  stage?: string;
  settings?: SynthesisOptions["settings"];
}

const from = (file: string) => (find: string, replace: string) => ({
  in: `stacks/${file}.ts`,
  find,
  replace,
});
/** Where a function's environment is made, and the same with a change to it. */
const told = "environment: functionEnvironment(part, {";
const changed = (value: string) =>
  `environment: ((...facts) => { const given = functionEnvironment(...facts); return ${value}; })(part, {`;

const inFunction = from("function");
const inCoordination = from("coordination");
const inPoller = from("poller");
const inSweep = from("sweep");
const inAlarms = from("alarms");

export const stackMutants: StackMutant[] = [
  {
    name: "a verb of the table is taken away",
    ...inCoordination(`"DeleteItem", `, ""),
    said: "calls, and may not: dynamodb:DeleteItem",
  },
  {
    name: "a verb of the table too many",
    ...inCoordination(`"Query"]`, `"Query", "Scan"]`),
    said: "may, and does not call: dynamodb:Scan",
  },
  {
    name: "all verbs of the table",
    ...inCoordination(
      "actions: verbs.map((verb) => `dynamodb:${verb}`)",
      `actions: ["dynamodb:*"]`,
    ),
    said: "has a wildcard: dynamodb:*",
  },
  {
    name: "a key that the sweep may not open",
    ...inSweep("      ...coordination.useKeys(adminKey),\n", ""),
    said: "sweep calls, and may not: kms:Decrypt",
  },
  {
    name: "a sweep that may open every shard's key",
    ...inSweep("useKeys(adminKey)", "useKeys()"),
    said: "sweep may, and does not call: kms:GenerateDataKey",
  },
  {
    name: "a webhook that reads every credential",
    ...from("webhook")("parts.secrets.readWebhook", "parts.secrets.readRegistered"),
    said: "webhook calls, and may not: secretsmanager:GetSecretValue",
  },
  {
    name: "secrets of every deployment",
    ...from("secrets")("secret:${stage.secrets}/${part}/*", "secret:*"),
    said: "names no resource: secretsmanager:GetSecretValue",
  },
  {
    name: "a poller that cannot tell of its failure",
    ...inPoller(`      { actions: ["lambda:InvokeFunction"], resources: [sweep.arn] },\n`, ""),
    said: "poller calls, and may not: lambda:InvokeFunction",
  },
  {
    name: "logs that cannot be written",
    ...inFunction(`"logs:CreateLogStream", "logs:PutLogEvents"`, `"logs:CreateLogStream"`),
    said: "calls, and may not: logs:PutLogEvents",
  },
  {
    name: "AWS's policy for every log",
    ...inFunction("settings.vpc ? [network] : []", "[network]"),
    said: "Role has arn:aws:iam::aws:policy",
  },
  {
    name: "roles that anybody in the account may take on",
    ...inFunction("if (!$dev) ", "if ($dev) "),
    said: "can be taken on by",
  },
  {
    name: "no way into a cluster of this account",
    ...from("cluster-access")("own.length > 0", "own.length > 9"),
    settings: { eksClusters: [{ name: "east" }] },
    said: "calls, and may not: eks:DescribeCluster",
  },
  {
    name: "a second public door",
    ...inSweep("    // The next one comes", "    url: true,\n    // The next one comes"),
    said: "2 of aws:lambda/functionUrl:FunctionUrl",
  },
  {
    name: "a queue in the clear",
    ...inCoordination("args.sqsManagedSseEnabled = true;", ""),
    said: "FailedQueue is not encrypted",
  },
  {
    name: "a key that is never rotated",
    ...inCoordination("enableKeyRotation: true", "enableKeyRotation: false"),
    said: "the key is not rotated",
  },
  {
    name: "a secret with its value in the deployment",
    ...from("secrets")(
      "  const below =",
      `  new aws.secretsmanager.SecretVersion("V", { secretId: webhook.id, secretString: "x" });
  const below =`,
    ),
    said: "V is a secret's value in the deployment's state",
  },
  {
    name: "a table of prod that can be deleted",
    ...inCoordination("deletionProtection: stage.kept", "deletionProtection: false"),
    said: "the table's deletion protection is wrong",
  },
  {
    name: "a key of prod that goes with the stage",
    ...inCoordination("retainOnDelete: stage.kept, ", ""),
    said: "the key is kept or lost wrongly",
  },
  {
    name: "a table of prod that a deployment may replace with an empty one",
    ...inCoordination("options.protect = stage.kept;", ""),
    said: "TableTable is not protected",
  },
  {
    name: "a stage for trying that is never gone",
    in: "sst.config.ts",
    find: `prod ? "retain" : "remove"`,
    replace: `"retain"`,
    stage: "try-1",
    said: "removal is retain",
  },
  {
    name: "rows that end by an attribute that nobody writes",
    ...inCoordination(`ttl: "ttl"`, `ttl: "expires"`),
    said: "rows have no expires to end by",
  },
  {
    name: "keys that nobody writes",
    ...inCoordination(`hashKey: "kind", rangeKey: "name"`, `hashKey: "name", rangeKey: "kind"`),
    said: "the table's keys are name and kind",
  },
  {
    name: "an alarm that is left out",
    ...inAlarms("...listPlatformAlarms(parts)]", "...listPlatformAlarms(parts).slice(1)]"),
    said: "no alarm has runbook function-errors",
  },
  {
    name: "alarms of our own that are left out",
    ...inAlarms("[...listOwnAlarms(stage.name), ", "["),
    said: "there is no alarm jobs-waiting",
  },
  {
    name: "alarms on figures of another stage",
    ...inAlarms("dimensions: { stage: stageName,", `dimensions: { stage: "prod-1",`),
    said: "nobody writes jobs-waiting of stage=prod-1",
  },
  {
    name: "an alarm that calls nobody",
    ...inAlarms("alarmActions: [topic.arn]", "alarmActions: []"),
    said: "calls nobody",
  },
  {
    name: "an alarm on a figure that AWS has not",
    ...from("platform-alarms")(`ofAll("Throttles", 5)`, `ofAll("Throttled", 5)`),
    said: "AWS has no AWS/Lambda Throttled",
  },
  {
    name: "a runbook under another name",
    ...inAlarms("docs/runbooks/${watch.name}.md", "docs/runbooks/the-${watch.name}.md"),
    said: "has no runbook",
  },
  {
    name: "a failed poller that the platform tries again",
    ...inFunction("retries: 0", "retries: 2"),
    said: "a failed poller is not tried again by the platform",
  },
  {
    name: "nobody who hears of a failed poller",
    ...inFunction(
      "args.destinationConfig = { onFailure: { destination: onFailure.destination } };",
      "",
    ),
    said: "the sweep hears of a failed poller",
  },
  {
    name: "a sweep that is named before it is there",
    ...inPoller(
      "destination: sweep.arn,",
      "destination: stage.arnOf(`lambda`, `function:${stage.functionName(`sweep`)}`),",
    ),
    said: "the sweep is there before it is named",
  },
  {
    name: "a chain of pollers that Lambda ends",
    ...inPoller(`recursiveLoop: "Allow"`, `recursiveLoop: "Terminate"`),
    said: "a poller may start its successor for ever",
  },
  {
    name: "a poller that is cut before it plans to end",
    ...inPoller("timeoutMs: cloudSettings.invocationMs,", "timeoutMs: 600_000,"),
    said: "the poller's limit is the one it plans by",
  },
  {
    name: "places for one poller a shard",
    ...from("settings")("4 * shardsMax", "shardsMax"),
    said: "each shard has its pollers",
  },
  {
    name: "a sweep each five minutes",
    ...inSweep("rate(1 minute)", "rate(5 minutes)"),
    said: "the sweep comes each minute",
  },
  {
    name: "a way to loopback addresses",
    ...inFunction(told, changed(`{ ...given, RUNLET_ALLOW_LOOPBACK: "1" }`)),
    said: "poller is given RUNLET_ALLOW_LOOPBACK",
  },
  {
    name: "a variable that nobody reads",
    ...inFunction(told, changed(`{ ...given, RUNLET_COLOR: "green" }`)),
    said: "webhook does not read RUNLET_COLOR",
  },
  {
    name: "a variable that nobody gives",
    ...inFunction(told, changed("{ ...given, RUNLET_KMS_KEY: undefined }")),
    said: "sweep reads RUNLET_KMS_KEY, which nobody gives",
  },
  {
    name: "a poller of another deployment",
    ...inFunction(told, changed(`{ ...given, RUNLET_POLLER: "runlet-dev-poller" }`)),
    said: "webhook would invoke runlet-dev-poller",
  },
];
