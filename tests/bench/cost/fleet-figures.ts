// Why: what is shown of one fleet: its bill line by line, its bars, and how far formula and meter are apart.
import type { Figure } from "../figures.ts";
import type { CpuTimes } from "./containers.ts";
import type { Fleet, Life } from "./fleets.ts";
import { estimate } from "./formulas.ts";
import type { Usage } from "./meter.ts";
import { priceUsage, sumOf, type Bill, type Sizes } from "./price-usage.ts";
import { monthMs, prices } from "./prices.ts";

export interface FleetCase {
  fleet: Fleet;
  usage: Usage;
  /** Beyond what a stage without a scale set costs. */
  bill: Bill;
  cpu: CpuTimes;
  sizes: Sizes;
  clusters: number;
}

const setBars: Partial<Record<Life, number>> = { quiet: 0.05, resting: 0.005 };
/** Percent. */
const apartMax = 5;
const hourMs = 3_600_000;

export function listFleetFigures(one: FleetCase): Figure[] {
  const { fleet, usage, bill } = one;
  const { scaleSets, life } = fleet;
  const barOf = (bar: number | undefined) => (bar === undefined ? {} : { bar });
  const dollars = (words: string, value: number, bar?: number): Figure => {
    return { what: `${scaleSets} ${life}: ${words}`, value, unit: "$", ...barOf(bar) };
  };
  const count = (words: string, value: number, bar?: number): Figure => {
    return { what: `${scaleSets} ${life}: ${words}`, value, unit: "count", ...barOf(bar) };
  };
  const hours = usage.periodMs / hourMs;
  const times = monthMs / usage.periodMs;
  const isQuiet = life === "quiet";
  // The bars are those of a full shard.
  const setBar = scaleSets >= 200 ? setBars[life] : undefined;
  const lines = Object.entries(bill) as [keyof Bill, number][]; // a bill has no other fields
  const jobs = fleet.jobsPerHour * scaleSets * hours;
  return [
    dollars("together", sumOf(bill)),
    dollars("a scale set", sumOf(bill) / scaleSets, setBar),
    ...(jobs > 0 ? [dollars("a thousand jobs", (1_000 * sumOf(bill)) / (jobs * times))] : []),
    ...lines.map(([line, value]) => dollars(`· ${titles[line]}`, value)),
    dollars("besides, custom metrics", (usage.seriesHours / hours) * prices.metric.usd),
    dollars(
      "besides, data sent out over HTTP/1.1 if all of it is charged",
      (times * usage.bytesOut * prices.dataOutGb.usd) / 1e9,
    ),
    count(
      "checkpoints a set-hour",
      round((usage.writesBy["checkpoint"] ?? 0) / scaleSets / hours),
      isQuiet ? 1.5 : undefined,
    ),
    count("lease writes a shard-hour", round((usage.writesBy["lease"] ?? 0) / hours), 750),
    {
      what: `${scaleSets} ${life}: formula and meter are apart`,
      value: measureApart(one),
      unit: "%",
      bar: apartMax,
    },
  ];
}

const titles: Record<keyof Bill, string> = {
  poller: "poller",
  sweep: "sweep",
  webhook: "webhook",
  tableReads: "reads of the table",
  tableWrites: "writes of the table",
  logs: "logs written",
  secretsAndKeys: "calls of Secrets Manager and KMS",
  storage: "storage",
};

/** Percent of the meter, over the lines that there are formulas for: functions and table. */
function measureApart({ fleet, usage, cpu, sizes, clusters }: FleetCase): number {
  const rest = { logBytes: 0, secretsCalls: 0, keyCalls: 0, tableBytes: 0 };
  const metered = sumOf(priceUsage({ ...usage, ...rest }, sizes));
  const hourly = estimate({ fleet, cpu, clusters });
  const formula = sumOf(priceUsage({ ...usage, ...rest, ...hourly, periodMs: hourMs }, sizes));
  return (100 * Math.abs(formula - metered)) / metered;
}

const round = (value: number) => Math.round(value * 100) / 100;
