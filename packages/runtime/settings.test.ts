import { describe, expect, test } from "vitest";
import { cloudSettings, demoSettings, type Settings } from "./settings.ts";

// How long the service holds a poll: about 50 s outside, 1 s in the demo's simulator.
const tables: [string, Settings, number][] = [
  ["cloud", cloudSettings, 50_000],
  ["demo", demoSettings, 1_000],
];

describe.each(tables)("the %s settings agree with each other", (_name, settings, holdMs) => {
  test("a lease bears two lost heartbeats", () => {
    expect(settings.leaseMs).toBeGreaterThanOrEqual(3 * settings.heartbeatMs);
  });

  test("effects stop at 80 % of a lease, and a heartbeat fits before that", () => {
    expect(settings.heartbeatMs).toBeLessThan(0.8 * settings.leaseMs);
    expect(settings.effectTimeoutMs).toBeLessThan(settings.leaseMs);
  });

  test("the reserve holds a whole effect and leaves most of the invocation", () => {
    expect(settings.reserveMs).toBeGreaterThanOrEqual(settings.effectTimeoutMs);
    expect(settings.reserveMs).toBeLessThan(settings.invocationMs / 2);
  });

  test("an invocation outlives its lease and fits into the platform's limit", () => {
    expect(settings.invocationMs).toBeGreaterThan(2 * settings.leaseMs);
    expect(settings.invocationMs).toBeLessThanOrEqual(900_000);
  });

  test("a poll is not cut before the service ends it", () => {
    expect(settings.pollTimeoutMs).toBeGreaterThan(holdMs);
    expect(settings.pollTimeoutMs).toBeLessThan(settings.invocationMs - settings.reserveMs);
  });

  test("waiters look more often than leases move, most often after an announcement", () => {
    expect(settings.waiterReadMs).toBeLessThan(settings.heartbeatMs);
    expect(settings.announcedReadMs).toBeLessThanOrEqual(settings.waiterReadMs);
  });

  test("JobStarted holds a turn up for less than one effect may take", () => {
    expect(settings.jobStartedHoldMs).toBeLessThan(settings.effectTimeoutMs);
  });

  test("a look is short beside the time between looks, which is short beside nothing at all", () => {
    expect(settings.lookPollMs).toBeLessThan(settings.lookEveryMs / 4);
    expect(settings.sweepEveryMs).toBeLessThanOrEqual(settings.lookEveryMs);
  });

  test("a cluster is probed within one sweep", () => {
    expect(settings.probeEveryMs).toBeLessThanOrEqual(settings.sweepEveryMs);
  });

  test("every number is a positive one", () => {
    for (const [name, value] of Object.entries(settings)) {
      if (name === "restAfterMs" && value === undefined) continue;
      // 0: a figure is written at once.
      if (name === "metricsEveryMs" && value === 0) continue;
      expect(value, name).toBeGreaterThan(0);
    }
  });
});

test("in the cloud nothing rests until that is known to be safe", () => {
  expect(cloudSettings.restAfterMs).toBeUndefined();
  expect(demoSettings.restAfterMs).toBeLessThan(demoSettings.invocationMs);
});
