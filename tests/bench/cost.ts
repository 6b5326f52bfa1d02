// Why: "it costs little" is a claim until somebody adds it up. Fleets live for a while under the virtual clock, as they are
// composed for AWS; what they use is priced, and held against formulas, bars, ARC's pods and one container.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Bench, BenchContext } from "./bench.ts";
import { priceContainer, priceListener } from "./cost/alternatives.ts";
import { listBreakEven, type PricedFleet } from "./cost/break-even.ts";
import type { CpuTimes } from "./cost/containers.ts";
import { cpuShare, measureStarts, measureWebhook } from "./cost/cpu-times.ts";
import { listFleetFigures } from "./cost/fleet-figures.ts";
import { listFleets, type Fleet } from "./cost/fleets.ts";
import { clusters, measureFleet } from "./cost/measure-fleet.ts";
import { parts, type Part } from "./cost/meter.ts";
import { priceStage } from "./cost/price-stage.ts";
import { beyond, priceUsage, sumOf, type Sizes } from "./cost/price-usage.ts";
import { prices, pricesNotedOn } from "./cost/prices.ts";
import { countStageResources } from "./cost/stage-resources.ts";
import type { Figure } from "./figures.ts";

const hourMs = 3_600_000;
const quiet = { life: "quiet", jobsPerHour: 0, settings: {} } as const;

export const cost: Bench = {
  summary: "a month on AWS: 5 and 200 scale sets, quiet, resting and busy",
  async run(context) {
    const caPem = readFileSync(join(context.home, "certificates/ca.crt"), "utf8");
    const fleets = listFleets(context.small);
    const resources = await countStageResources();
    const { memoryMb } = resources;
    const sizes: Sizes = { memoryMb, logMonths: monthsOf(resources.logRetention) };
    const cpu = await measureCpu(context, { fleets, memoryMb }, caPem);
    const nothing: Fleet = { ...quiet, scaleSets: 0, periodMs: hourMs };
    const empty = priceUsage((await measureFleet(nothing, { cpu, caPem })).usage, sizes);
    const figures: Figure[] = [];
    const measured: (PricedFleet & { [more: string]: unknown })[] = [];
    for (const fleet of fleets) {
      context.say(`${fleet.scaleSets} sets, ${fleet.life}: ${fleet.periodMs / hourMs} h`);
      const { usage, jobs } = await measureFleet(fleet, { cpu, caPem });
      const bill = beyond(priceUsage(usage, sizes), empty);
      const clusterCount = clusters.length;
      figures.push(...listFleetFigures({ fleet, usage, bill, cpu, sizes, clusters: clusterCount }));
      const { scaleSets, life, periodMs } = fleet;
      const metrics = (usage.seriesHours / (periodMs / hourMs)) * prices.metric.usd;
      measured.push({ scaleSets, life, dollars: sumOf(bill), metrics, bill, usage, jobs });
    }
    const stage = priceStage(resources, empty, clusters.length);
    const fixed = Object.values(stage).reduce((sum, dollars) => sum + dollars, 0);
    figures.push(...listFixed(stage, fixed), ...listAlternatives());
    const functionsOnly = stage.key + stage["a sweep of nothing"];
    figures.push(...listBreakEven({ stage: fixed, functionsOnly }, measured));
    return {
      settings:
        `settings of the cloud; poller ${memoryMb.poller}, sweep ${memoryMb.sweep}, webhook ${memoryMb.webhook} MB; ` +
        `US dollars a month, us-east-1, arm64, on demand, no free tier, prices of ${pricesNotedOn}`,
      varied:
        "virtual time after 45 minutes, scaled to 730 h; a busy set has 4 jobs of 5 minutes an hour",
      figures,
      json: { cost: { prices, pricesNotedOn, cpu, resources, stage, fleets: measured } },
    };
  },
};

/** What virtual time does not know, in milliseconds at each function's share of a core. */
async function measureCpu(
  { home, small, say }: BenchContext,
  { fleets, memoryMb }: { fleets: readonly Fleet[]; memoryMb: Record<Part, number> },
  caPem: string,
): Promise<CpuTimes> {
  say("CPU of a start, of an event and of a sweep");
  const none = { webhook: 0, poller: 0, sweep: 0 };
  const scaleSets = Math.max(...fleets.map((fleet) => fleet.scaleSets));
  const { sweepCpuMs } = await measureFleet(
    { ...quiet, scaleSets, periodMs: 60_000 },
    { cpu: { start: none, invocation: none }, caPem },
  );
  const webhook = await measureWebhook(scaleSets, small ? 20 : 300);
  const stretch = (times: Record<Part, number>) =>
    // `as`: a value for each of `parts`.
    Object.fromEntries(
      parts.map((part) => [part, Math.round(times[part] / cpuShare(memoryMb[part]))]),
    ) as Record<Part, number>;
  return {
    start: stretch(await measureStarts(home, small ? 1 : 5)),
    invocation: stretch({ webhook, poller: 0, sweep: sweepCpuMs }),
  };
}

/** `3 months`, `1 week`, `1 year`. */
function monthsOf(retention: string): number {
  const [count = "", unit = ""] = retention.split(" ");
  const months = { week: 0.25, month: 1, year: 12 }[unit.replace(/s$/, "")];
  if (months === undefined) throw new Error(`how long is a retention of ${retention}?`);
  return Number(count) * months;
}

function listFixed(stage: Record<string, number>, together: number): Figure[] {
  const line = (what: string, value: number): Figure => ({
    what: `a stage, fixed: ${what}`,
    value,
    unit: "$",
  });
  return [
    line("together, without custom metrics", together),
    ...Object.entries(stage).map(([what, value]) => line(`· ${what}`, value)),
  ];
}

function listAlternatives(): Figure[] {
  const { memory, pod, cpu } = priceListener();
  const { task, address } = priceContainer();
  const figures: [string, number][] = [
    ["ARC's listener, a scale set: 40 MB of a node with room", memory],
    ["ARC's listener, a scale set: one of a node's 29 pods", pod],
    ["ARC's listener, a scale set: 100 m of CPU requested", cpu],
    ["one container instead: Fargate, 0.25 vCPU and 1 GB", task],
    ["one container instead: its public address", address],
  ];
  return figures.map(([what, value]) => ({ what, value, unit: "$" }));
}
