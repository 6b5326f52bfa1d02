// Why: the bill of a month, line by line, from what was used in a period. Pure: the same usage costs the same.
import { parts, type Part, type Usage } from "./meter.ts";
import { monthMs, prices } from "./prices.ts";

/** US dollars a month of what is used by serving. */
export interface Bill {
  poller: number;
  sweep: number;
  webhook: number;
  tableReads: number;
  tableWrites: number;
  logs: number;
  secretsAndKeys: number;
  storage: number;
}

export interface Sizes {
  memoryMb: Record<Part, number>;
  /** Months for which logs are kept. */
  logMonths: number;
}

/** Scaled to a month. */
export function priceUsage(usage: Usage, { memoryMb, logMonths }: Sizes): Bill {
  const times = monthMs / usage.periodMs;
  const ofFunction = Object.fromEntries(
    parts.map((part) => {
      const gbSeconds = (usage.billedMs[part] / 1_000) * (memoryMb[part] / 1_024);
      const runs = usage.invocations[part];
      const dollars = gbSeconds * prices.lambdaGbSecond.usd + runs * prices.lambdaRequest.usd;
      return [part, dollars * times];
    }),
  ) as Record<Part, number>; // a value for each of `parts`
  const gb = (bytes: number) => bytes / 1e9;
  return {
    ...ofFunction,
    sweep: ofFunction.sweep + times * usage.invocations.sweep * prices.scheduleRun.usd,
    tableReads: times * usage.read * prices.tableRead.usd,
    tableWrites: times * usage.write * prices.tableWrite.usd,
    logs: times * gb(usage.logBytes) * prices.logGb.usd,
    secretsAndKeys:
      times * (usage.secretsCalls * prices.secretRead.usd + usage.keyCalls * prices.keyUse.usd),
    storage:
      gb(usage.tableBytes) * (prices.tableGb.usd + prices.tableBackupGb.usd) +
      times * gb(usage.logBytes) * logMonths * prices.logStoredGb.usd,
  };
}

export function sumOf(bill: Bill): number {
  return Object.values(bill).reduce((sum, dollars) => sum + dollars, 0);
}

/** What a bill has beyond another, line by line. */
export function beyond(bill: Bill, other: Bill): Bill {
  const lines = Object.entries(bill) as [keyof Bill, number][]; // a bill has no other fields
  return Object.fromEntries(
    lines.map(([name, usd]) => [name, usd - other[name]]),
  ) as unknown as Bill;
}
