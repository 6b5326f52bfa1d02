import { expect, test } from "vitest";
import { functionEnvironment } from "./function-environment.ts";
import { readAwsEnvironment } from "./settings-aws.ts";

const facts = {
  stage: "prod",
  table: "runlet-prod-table",
  secrets: "runlet/prod",
  poller: "runlet-prod-poller",
  kmsKey: "arn:aws:kms:eu-central-1:123456789012:key/1",
  logLevel: "warn",
  proxy: { https: "http://proxy:3128", noProxy: ["10.0.0.0/8", "local"] },
  webhooks: [{ scope: "https://github.com/acme", hookId: 7 }],
  restAfterMinutes: 10,
};
const lambda = { AWS_REGION: "eu-central-1", AWS_ACCESS_KEY_ID: "A", AWS_SECRET_ACCESS_KEY: "s" };
const readAs = (part: Parameters<typeof functionEnvironment>[0]) =>
  readAwsEnvironment({ ...lambda, ...functionEnvironment(part, facts) });

test("what a deployment tells poller and sweep is what they read", () => {
  for (const part of ["poller", "sweep"] as const) {
    const read = readAs(part);
    expect(read).toMatchObject({
      stage: "prod",
      tableName: facts.table,
      secretsPrefix: facts.secrets,
      pollerFunction: facts.poller,
      logLevel: "warn",
      proxy: { https: "http://proxy:3128", noProxy: ["10.0.0.0/8", "local"] },
      settings: { restAfterMs: 600_000 },
      allowLoopback: false,
    });
    expect(read.kmsKey()).toBe(facts.kmsKey);
    expect(JSON.parse(read.webhooks)).toEqual(facts.webhooks);
  }
});

test("the webhook is not told of the key, nor of what the sweep asks GitHub", () => {
  const read = readAs("webhook");
  expect(read).toMatchObject({ tableName: facts.table, webhooks: "[]" });
  expect(() => read.kmsKey()).toThrow("RUNLET_KMS_KEY is not set");
});

test("what is not decided is not told, so that the profile's own holds", () => {
  const told = functionEnvironment("sweep", {
    ...facts,
    proxy: undefined,
    restAfterMinutes: undefined,
  });
  expect(Object.keys(told).filter((name) => /PROXY|REST/.test(name))).toEqual([]);
});
