// Why: what an idle fleet writes is a promise of money, and one careless save breaks it long before anybody runs the bench.
// The bench's own meter looks at an hour of virtual time.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getServerCertificate } from "@runlet/simulators/kube-api/certificates";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { listBreakEven } from "../bench/cost/break-even.ts";
import type { CpuTimes } from "../bench/cost/containers.ts";
import type { Fleet, Life } from "../bench/cost/fleets.ts";
import { estimate } from "../bench/cost/formulas.ts";
import { clusters, measureFleet } from "../bench/cost/measure-fleet.ts";
import { createMeter, type Usage } from "../bench/cost/meter.ts";
import { priceUsage, sumOf } from "../bench/cost/price-usage.ts";

const hourMs = 3_600_000;
const cpu: CpuTimes = {
  start: { webhook: 200, poller: 600, sweep: 600 },
  invocation: { webhook: 20, poller: 0, sweep: 100 },
};
const sizes = { memoryMb: { webhook: 512, poller: 256, sweep: 256 }, logMonths: 1 };

const folder = mkdtempSync(join(tmpdir(), "runlet-cost-"));
beforeAll(async () => {
  await getServerCertificate(folder, Date.now());
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const caPem = () => readFileSync(join(folder, "ca.crt"), "utf8");

describe("an hour of two quiet scale sets", () => {
  const fleet: Fleet = {
    scaleSets: 2,
    life: "quiet",
    jobsPerHour: 0,
    periodMs: hourMs,
    settings: {},
  };

  it(
    "writes heartbeats, a token each, and what four hand-overs need; the formulas say the same",
    { timeout: 60_000 },
    async () => {
      const { usage } = await measureFleet(fleet, { cpu, caPem: caPem() });
      expect(usage.writesBy["checkpoint"]).toBe(2);
      expect(usage.writesBy["lease"]).toBeLessThanOrEqual(750);
      expect(Object.keys(usage.writesBy).toSorted()).toEqual(
        ["admin", "checkpoint", "deployment", "lease", "serves", "successor"].toSorted(),
      );
      expect(usage.invocations.poller).toBeLessThanOrEqual(5);
      // One poller at a time, but for the moments of hand-overs.
      expect(usage.billedMs.poller).toBeLessThan(1.01 * hourMs);

      const rest = { logBytes: 0, secretsCalls: 0, keyCalls: 0, tableBytes: 0 };
      const hourly = estimate({
        fleet,
        cpu,
        clusters: clusters.length,
      });
      const metered = sumOf(priceUsage({ ...usage, ...rest }, sizes));
      const formula = sumOf(priceUsage({ ...usage, ...rest, ...hourly }, sizes));
      expect(formula / metered).toBeGreaterThan(0.95);
      expect(formula / metered).toBeLessThan(1.05);
    },
  );
});

describe("the meter", () => {
  it("counts of an invocation only what lies in the period, and a series once an hour", () => {
    let now = 0;
    const meter = createMeter({ nowMs: () => now });
    const early = meter.invoked("poller");
    now = 1_000;
    meter.start();
    now = 3_000;
    early(0);
    const late = meter.invoked("sweep");
    const line = (name: string) =>
      JSON.stringify({
        _aws: { CloudWatchMetrics: [{ Dimensions: [["stage"]], Metrics: [{ Name: name }] }] },
        stage: "prod",
      });
    for (const name of ["polls", "polls", "rests"]) meter.logged(line(name));
    now = 1_000 + hourMs;
    meter.logged(line("polls"));
    const usage = meter.stop(0);
    late(0);
    expect(usage.billedMs).toEqual({ webhook: 0, poller: 2_000, sweep: hourMs - 2_000 });
    expect(usage.invocations).toEqual({ webhook: 0, poller: 0, sweep: 1 });
    expect([usage.series.length, usage.seriesHours]).toEqual([2, 3]);
  });
});

describe("the bill", () => {
  const usage: Usage = {
    ...createMeter({ nowMs: () => 0 }).stop(0),
    periodMs: hourMs,
    billedMs: { webhook: 0, poller: hourMs, sweep: 0 },
  };

  it("is 8.76 dollars a month for a quarter of a gigabyte that is always on", () => {
    // 0.25 GB × 2,628,000 s × $0.0000133334
    expect(sumOf(priceUsage(usage, sizes))).toBeCloseTo(8.76, 2);
  });

  it("is twice as much for twice the work in the same time, and the same for it in twice the time", () => {
    const twice = {
      ...usage,
      billedMs: { webhook: 0, poller: 2 * hourMs, sweep: 0 },
      read: 2_000_000,
      write: 2_000_000,
    };
    const once = { ...usage, read: 1_000_000, write: 1_000_000 };
    const price = (one: Usage) => sumOf(priceUsage(one, sizes));
    expect(price(twice)).toBeCloseTo(2 * price(once), 6);
    expect(price({ ...twice, periodMs: 2 * hourMs })).toBeCloseTo(price(once), 6);
  });
});

describe("where Runlet is the cheaper one", () => {
  const priced = (scaleSets: number, life: Life, dollars: number) => {
    return { scaleSets, life, dollars, metrics: 3 };
  };
  const fleets = [
    priced(5, "quiet", 10),
    priced(5, "resting", 0.2),
    priced(200, "quiet", 11),
    priced(200, "resting", 2),
  ];
  const values = (stage: number, functionsOnly: number) =>
    listBreakEven({ stage, functionsOnly }, fleets).map(({ value }) => value);

  it("it has to earn its stage and its metrics before a listener's memory costs more", () => {
    // Listeners: 59.57 · 40 / 7,270 = 0.328 or 59.57 / 29 = 2.054 a set; a set more is 1 / 195 here.
    expect(values(8, 1).slice(0, 2)).toEqual([
      Math.ceil((8 + 3 + 10 - 5 / 195) / (0.3277 - 1 / 195)),
      Math.ceil((8 + 3 + 10 - 5 / 195) / (2.0541 - 1 / 195)),
    ]);
  });

  it("the key and the sweeps, which a container does without, leave fewer hours awake", () => {
    // One container: 8.51. (8.51 − 1 − 0.2) / (10 − 0.2) and (8.51 − 1 − 2) / (11 − 2) of a day.
    expect(values(8, 1).slice(2)).toEqual([17.9, 14.7]);
    expect(values(8, 0).slice(2)).toEqual([20.3, 17.4]);
    expect(values(8, 9).slice(2)).toEqual([0, 0]);
  });
});
