import { describe, expect, it } from "vitest";
import { settingsOf, stages, type StageOptions } from "./settings.ts";

// `as`: what a file without types could say.
const wrong = (options: object) => () => settingsOf("try-1", options as StageOptions);

const scope = "give the https address of an enterprise, organization or repository";

describe("a stage's settings", () => {
  it("have a default for everything, and are good for each stage that is listed", () => {
    expect(settingsOf("try-1")).toMatchObject({
      scaleSetsMax: 1_000,
      shardsMax: 5,
      pollerConcurrency: 20,
      webhooks: [],
      eksClusters: [],
    });
    for (const stage of Object.keys(stages)) expect(settingsOf(stage)).toBeDefined();
  });
  it("guard the cost of what they allow, or what they are told", () => {
    // Five shards of 256 MB all day, and a half more.
    expect(settingsOf("try-1").gbSecondsPerDayMax).toBe(5 * 0.25 * 86_400 * 1.5);
    expect(settingsOf("try-1", { gbSecondsPerDayMax: 7 }).gbSecondsPerDayMax).toBe(7);
  });
  it("are refused in one line that names the field, the value and the remedy", () => {
    const cases: [object, string][] = [
      [{ scaleSetsMax: 0 }, "scaleSetsMax is 0: give a whole number from 1 to 10000"],
      [{ pollerMemoryMb: 64 }, "pollerMemoryMb is 64: give a whole number from 128 to 10240"],
      [{ restAfterMinutes: 1.5 }, "restAfterMinutes is 1.5: give a whole number from 1 to 1440"],
      [{ alarmEmail: "ops" }, 'alarmEmail is "ops": give an address, or leave it out'],
      [{ webhooks: [{ scope: "x" }] }, `webhooks.0.scope is "x": ${scope}`],
      [
        { webhooks: [{ scope: "https://github.com" }] },
        `webhooks.0.scope is "https://github.com": ${scope}`,
      ],
      [{ webhooks: [{ scope: "http://ghes/o" }] }, `webhooks.0.scope is "http://ghes/o": ${scope}`],
      [{ webhooks: [{}] }, `webhooks.0.scope is missing: ${scope}`],
      [
        { webhooks: [{ scope: "https://github.com/o", hookId: 0 }] },
        "webhooks.0.hookId is 0: give the number at the end of the webhook's page",
      ],
      [
        { gbSecondsPerDayMax: -1 },
        "gbSecondsPerDayMax is -1: give a whole number from 1 to 1000000000",
      ],
      [
        { eksClusters: [{ name: "a" }, { name: "a" }] },
        'eksClusters is [{"name":"a"},{"name":"a"}]: name each cluster once',
      ],
      [
        { eksClusters: [{ name: "a", region: "here" }] },
        'eksClusters.0.region is "here": give a region\'s name, e.g. eu-central-1',
      ],
      [{ proxy: { https: "p:1" } }, 'proxy.https is "p:1": give http://HOST:PORT'],
      [
        { eksClusters: [{ name: "-" }] },
        'eksClusters.0.name is "-": give the cluster\'s name in EKS',
      ],
      [
        { eksClusters: [{ name: "a", roleArn: "r" }] },
        `eksClusters.0.roleArn is "r": give a role's ARN`,
      ],
      [
        { alowLoopback: true },
        "there is no setting alowLoopback: take it out, or see in this file how it is called",
      ],
    ];
    for (const [options, said] of cases) {
      expect(wrong(options)).toThrow(new Error(`stacks/settings.ts, stage try-1: ${said}`));
    }
  });
  it("name every mistake at once", () => {
    expect(wrong({ scaleSetsMax: 0, alarmEmail: "ops" })).toThrow(
      /alarmEmail is "ops".*; scaleSetsMax is 0/,
    );
  });
  it("never show a proxy's password", () => {
    const proxy = { https: "socks://me:secret@p:1" };
    expect(wrong({ proxy })).toThrow('proxy.https is "socks://***@p:1"');
  });
  it("belong to a stage whose name fits into every other name", () => {
    expect(() => settingsOf("Prod")).toThrow("the stage is called Prod: give at most 30 small");
    expect(() => settingsOf("p".repeat(31))).toThrow("give at most 30 small letters");
  });
});
