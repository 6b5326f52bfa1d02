// Why: least privilege in both directions. What a function's code calls and its role does not allow fails at night; what the
// role allows and no code calls is for whoever breaks in.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { adminKey } from "@runlet/runlet/compose/control-plane";
import { readBundledSources } from "./bundled-sources.ts";
import { findCalls } from "./code-calls.ts";
import {
  componentOf,
  functionNames,
  functionOf,
  listOf,
  oneOf,
  types,
  type Deployment,
  type FunctionName,
} from "./deployment.ts";
import { environmentOf } from "./environment-of.ts";
import { arnOf, region } from "./place.ts";
import { root } from "./platform.ts";
import { formatGrant, grantsOf } from "./read-policies.ts";
import type { StageOptions } from "./stage-options.ts";

/** What is wrong with the roles of the three functions; one line each. */
export async function judgePolicies(
  deployment: Deployment,
  settings: StageOptions = {},
): Promise<string[]> {
  const each = functionNames.map(async (name) => {
    const needs = await listNeeds(deployment, name, settings);
    const role = oneOf(deployment, types.role, componentOf(name));
    const has = new Set(grantsOf(role).own);
    const missing = needs.grants.filter((grant) => !has.has(grant));
    const spare = [...has].filter((grant) => !needs.grants.includes(grant));
    return [
      ...needs.unknown.map((path) => `${name}: it is not known how ${path} calls AWS`),
      ...missing.map((grant) => `${name} calls, and may not: ${grant}`),
      ...spare.map((grant) => `${name} may, and does not call: ${grant}`),
    ];
  });
  return (await Promise.all(each)).flat();
}

/** All that a function's code and the platform do in its name. */
async function listNeeds(deployment: Deployment, name: FunctionName, settings: StageOptions) {
  const sources = await readBundledSources(name);
  const { actions, secrets, unknown } = findCalls(sources);
  const resources = resourcesFor(deployment, name, settings, {
    secrets: [...secrets, ...clusterSecrets(sources)],
    anyShard: /\bpollerFor\b/.test(sources.get(`functions/${name}.ts`) ?? ""),
  });
  const called = [...actions].flatMap((action) =>
    // Lambda and KMS have one action of which each call is on the same thing; others are looked up by their service.
    (resources[action.split(":")[0] ?? ""] ?? []).map((on) => formatGrant({ action, ...on })),
  );
  const strays = [...actions].filter((action) => !resources[action.split(":")[0] ?? ""]);
  return {
    grants: [...called, ...platformNeeds(deployment, name)],
    unknown: [...unknown, ...strays],
  };
}

/** Registered clusters' kubeconfigs lie where the command line writes them. */
function clusterSecrets(sources: ReadonlyMap<string, string>): string[] {
  const reads = [...sources.values()].some((text) => /\bparseAccessRef\(/.test(text));
  if (!reads) return [];
  const writer = readFileSync(join(root, "packages/runlet/commands/cluster-add.ts"), "utf8");
  return [...writer.matchAll(/secretName\(`(\w+)\//g)].map(([, folder]) => folder ?? "");
}

/** What a service's calls are made on, by the service. */
function resourcesFor(
  deployment: Deployment,
  name: FunctionName,
  { eksClusters = [] }: StageOptions,
  code: { secrets: string[]; anyShard: boolean },
): Record<string, Omit<Parameters<typeof formatGrant>[0], "action">[]> {
  const told = environmentOf(deployment, name);
  const context = (key: string, value: string) => ({
    test: "StringEquals",
    variable: `kms:EncryptionContext:${key}`,
    values: [value],
  });
  const stage = context("stage", told["RUNLET_STAGE"] ?? "");
  const own = eksClusters.filter(({ roleArn }) => roleArn === undefined);
  const roles = new Set(eksClusters.flatMap(({ roleArn }) => roleArn ?? []));
  return {
    dynamodb: [{ resource: arnOf("dynamodb", `table/${told["RUNLET_TABLE"]}`) }],
    lambda: [{ resource: arnOf("lambda", `function:${told["RUNLET_POLLER"]}`) }],
    secretsmanager: code.secrets.map((secret) => ({
      resource: secretArn(deployment, `${told["RUNLET_SECRETS"]}/${secret}`),
    })),
    kms: [
      {
        resource: told["RUNLET_KMS_KEY"] ?? "the key that it is not told",
        conditions: code.anyShard ? [stage] : [stage, context("shard", adminKey)],
      },
    ],
    eks: own.map((cluster) => ({
      resource: arnOf("eks", `cluster/${cluster.name}`).replace(region, cluster.region ?? region),
    })),
    sts: [...roles].map((resource) => ({ resource })),
  };
}

/** One that the deployment makes, or all below a folder of those that commands make. */
function secretArn(deployment: Deployment, name: string): string {
  const made = listOf(deployment, types.secret).some(({ inputs }) => inputs["name"] === name);
  return arnOf("secretsmanager", made ? `secret:${name}-AbCdEf` : `secret:${name}/*`);
}

/** What Lambda does with the function's role: its log, and the word of a failure. */
function platformNeeds(deployment: Deployment, name: FunctionName): string[] {
  const group = oneOf(deployment, types.logGroup, componentOf(name)).inputs["name"];
  const log = arnOf("logs", `log-group:${String(group)}:*`);
  const config = listOf(deployment, types.eventInvokeConfig).find(
    ({ inputs }) => inputs["functionName"] === functionOf(deployment, name).inputs["name"],
  );
  const destination = /"destination":"([^"]+)"/.exec(JSON.stringify(config ?? {}))?.[1];
  const sends = destination?.startsWith("arn:aws:sqs:")
    ? "sqs:SendMessage"
    : "lambda:InvokeFunction";
  return [
    ...["logs:CreateLogStream", "logs:PutLogEvents"].map((action) =>
      formatGrant({ action, resource: log }),
    ),
    ...(destination ? [formatGrant({ action: sends, resource: destination })] : []),
  ];
}
