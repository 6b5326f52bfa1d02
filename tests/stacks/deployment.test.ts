import { beforeAll, describe, expect, it } from "vitest";
import { functionNames, listOf, oneOf, types, type Deployment } from "./deployment.ts";
import { describeDeployment } from "./describe-deployment.ts";
import { environmentOf } from "./environment-of.ts";
import { rules } from "./judge.ts";
import { synthesize } from "./synthesize.ts";
import { everySetting, variants } from "./variants.ts";

describe.each(variants)("$name", (options) => {
  let deployment: Deployment;
  beforeAll(async () => {
    deployment = await synthesize(options);
  });
  it.each(Object.entries(rules))("%s", async (_sentence, rule) => {
    expect(await rule(deployment, options.settings)).toEqual([]);
  });
  it("prints what one needs next", () => {
    expect(deployment.outputs).toMatchObject({
      webhookUrl: expect.stringMatching(/^https:\/\/.+\/webhook$/),
      webhookSecret: `runlet/${options.stage}/webhook`,
      dashboard: `runlet-${options.stage}-overview`,
    });
  });
  it("shows each alarm, function and figure on its dashboard, and asks the logs that there are", () => {
    const { dashboardBody } = oneOf(deployment, types.dashboard).inputs;
    const { widgets } = JSON.parse(String(dashboardBody)) as { widgets: { properties: object }[] };
    const text = JSON.stringify(widgets);
    const names = [types.alarm, types.function].flatMap((type) =>
      listOf(deployment, type).map(({ inputs }) => String(inputs["name"])),
    );
    expect(names.filter((name) => !text.includes(name))).toEqual([]);
    const groups = listOf(deployment, types.logGroup).map(({ inputs }) => inputs["name"]);
    for (const { inputs } of listOf(deployment, types.queryDefinition)) {
      expect(inputs["logGroupNames"]).toEqual(expect.arrayContaining(groups));
    }
  });
});

it("what prod consists of is what is written down", async () => {
  const text = describeDeployment(await synthesize({ stage: "prod" }));
  await expect(text).toMatchFileSnapshot("golden/prod.txt");
});

it("at least the fifteen alarms are there that were asked for, all on by default", async () => {
  const alarms = listOf(await synthesize({ stage: "try-1" }), types.alarm);
  const names = alarms.map(({ inputs }) => String(inputs["name"]).replace("runlet-try-1-", ""));
  expect(names).toEqual(expect.arrayContaining(asked));
  expect(alarms.filter(({ inputs }) => inputs["actionsEnabled"] === false)).toEqual([]);
});

const asked = [
  "jobs-waiting",
  "shard-without-holder",
  "take-overs-repeated",
  "session-conflict",
  "fence-refused",
  "cluster-unreachable",
  "credential-rejected",
  "webhook-signatures",
  "webhook-silence",
  "failed-not-empty",
  "function-throttled",
  "function-errors",
  "poller-near-limit",
  "github-rate-limit",
  "cost-guard",
];

describe("what a stage may be told", () => {
  let told: Deployment;
  beforeAll(async () => {
    told = await synthesize(everySetting);
  });
  it("mails alarms, once the address has agreed", () => {
    expect(oneOf(told, types.subscription).inputs).toMatchObject({
      protocol: "email",
      endpoint: "ops@example.com",
    });
  });
  it("lets poller and sweep into clusters of this account by an access entry each, as one group", () => {
    const entries = listOf(told, types.accessEntry).map(({ inputs }) => inputs);
    expect(entries).toHaveLength(4);
    for (const entry of entries) {
      expect(entry).toMatchObject({
        kubernetesGroups: ["runlet-control-plane"],
        type: "STANDARD",
        principalArn: expect.stringMatching(/role\/runlet-every-setting-(Poller|Sweep)Role/),
      });
    }
    const places = entries.map(
      ({ clusterName, region }) => `${String(clusterName)} ${String(region)}`,
    );
    expect([...new Set(places)]).toEqual(["east undefined", "west us-west-2"]);
  });
  it("puts each function into the network of private clusters", () => {
    for (const { inputs } of listOf(told, types.function)) {
      expect(inputs["vpcConfig"]).toEqual({
        securityGroupIds: ["sg-1"],
        subnetIds: ["subnet-1", "subnet-2"],
      });
    }
  });
  it("sends every function through the proxy", () => {
    for (const name of functionNames) {
      expect(environmentOf(told, name)).toMatchObject({
        HTTPS_PROXY: "http://proxy.example.com:3128",
        NO_PROXY: ".internal,10.0.0.1",
      });
    }
  });
  it("has the failed webhooks of several organisations asked for", () => {
    for (const name of ["poller", "sweep"] as const) {
      const webhooks: unknown = JSON.parse(environmentOf(told, name)["RUNLET_WEBHOOKS"] ?? "");
      expect(webhooks).toEqual(everySetting.settings?.webhooks);
    }
    expect(environmentOf(told, "webhook")["RUNLET_WEBHOOKS"]).toBeUndefined();
  });
  it("never lets a function go to loopback addresses, whatever it is told", async () => {
    const settings = { RUNLET_ALLOW_LOOPBACK: "1", allowLoopback: true } as object;
    await expect(synthesize({ stage: "try-1", settings })).rejects.toThrow(/RUNLET_ALLOW_LOOPBACK/);
  });
  it("is refused before anything is made, by field, value and remedy", async () => {
    const settings = { scaleSetsMax: 0 };
    await expect(synthesize({ stage: "try-1", settings })).rejects.toThrow(
      /^stacks\/settings\.ts, stage try-1: scaleSetsMax is 0: /,
    );
    await expect(synthesize({ stage: "Try_1" })).rejects.toThrow(/the stage is called Try_1: give/);
  });
});
