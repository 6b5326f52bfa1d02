import { describe, expect, it } from "vitest";
import { readAwsEnvironment, readAwsStage } from "./settings-aws.ts";

const least = {
  RUNLET_STAGE: "prod",
  RUNLET_TABLE: "runlet-prod",
  RUNLET_SECRETS: "runlet/prod/",
  RUNLET_POLLER: "runlet-prod-poller",
  AWS_REGION: "eu-central-1",
  AWS_ACCESS_KEY_ID: "AKID",
  AWS_SECRET_ACCESS_KEY: "s",
};

describe("the environment of a function in the cloud", () => {
  it("needs five variables of its own and Lambda's, and says which is missing", async () => {
    const read = readAwsEnvironment({ ...least, AWS_SESSION_TOKEN: "t" });
    expect(read).toMatchObject({ secretsPrefix: "runlet/prod", allowLoopback: false });
    expect(read.settings).toMatchObject({ leaseMs: 15_000, restAfterMs: undefined });
    expect(await read.credentials()).toMatchObject({ accessKeyId: "AKID", sessionToken: "t" });
    for (const name of ["RUNLET_STAGE", "RUNLET_TABLE", "RUNLET_SECRETS", "RUNLET_POLLER"]) {
      expect(() => readAwsEnvironment({ ...least, [name]: "" })).toThrow(
        `variable ${name} is not set`,
      );
    }
    expect(() => read.kmsKey()).toThrow("variable RUNLET_KMS_KEY is not set");
  });
  it("gives AWS's own endpoints by region, unless others are named", () => {
    const { urlOf } = readAwsEnvironment(least);
    expect(urlOf("secretsmanager")).toBe("https://secretsmanager.eu-central-1.amazonaws.com");
    expect(urlOf("sts", "cn-north-1")).toBe("https://sts.cn-north-1.amazonaws.com.cn");
    const named = readAwsEnvironment({
      ...least,
      AWS_ENDPOINT_URL: "http://moto:1/",
      AWS_ENDPOINT_URL_DYNAMODB: "http://local:2",
    });
    expect(named.urlOf("kms")).toBe("http://moto:1");
    expect(named.urlOf("dynamodb")).toBe("http://local:2");
  });
  it("names proxies as other programs read them", () => {
    expect(readAwsEnvironment(least).proxy).toBeUndefined();
    const env = { ...least, https_proxy: "http://p:3128", NO_PROXY: "a.test,.b.test" };
    expect(readAwsEnvironment(env).proxy).toEqual({
      https: "http://p:3128",
      noProxy: ["a.test", ".b.test"],
    });
  });
  it("refuses values that mean nothing, in words", () => {
    const wrong = (env: object) => () => readAwsEnvironment({ ...least, ...env });
    expect(wrong({ RUNLET_LOG_LEVEL: "loud" })).toThrow(
      "RUNLET_LOG_LEVEL is loud: give info or debug or warn or error",
    );
    expect(wrong({ RUNLET_REST_AFTER_MS: "10m" })).toThrow(
      "RUNLET_REST_AFTER_MS is 10m: give milliseconds",
    );
    expect(
      readAwsEnvironment({ ...least, RUNLET_REST_AFTER_MS: "600000" }).settings.restAfterMs,
    ).toBe(600_000);
    expect(readAwsEnvironment({ ...least, RUNLET_PROFILE: "demo" }).settings.leaseMs).toBe(2_000);
  });
});

describe("what a command is told of a stage", () => {
  const keys = { AWS_ACCESS_KEY_ID: "AKID", AWS_SECRET_ACCESS_KEY: "s" };
  it("is names as the deployment makes them, in the region of either variable", () => {
    const read = readAwsStage("prod", { ...keys, AWS_DEFAULT_REGION: "eu-west-1" });
    expect(read).toMatchObject({
      region: "eu-west-1",
      secretsPrefix: "runlet/prod",
      pollerFunction: "runlet-prod-poller",
      tableName: undefined,
    });
    expect(() => readAwsStage("prod", keys)).toThrow("variable AWS_REGION is not set");
  });
});
