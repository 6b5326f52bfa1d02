// Why: what a deployment uses is counted in the units that are on its bill, and only while the measured period lasts;
// what they cost is another file's business (price-usage.ts).
import type { Clock } from "@runlet/runtime/clock";
import type { Units } from "./memory-dynamodb.ts";

export const parts = ["webhook", "poller", "sweep"] as const;
export type Part = (typeof parts)[number];

/** What was used in `periodMs`. */
export interface Usage {
  periodMs: number;
  /** Milliseconds that invocations are billed for, by function; those outside of the period are cut off. */
  billedMs: Record<Part, number>;
  /** Invocations that began in the period. */
  invocations: Record<Part, number>;
  read: number;
  write: number;
  /** Units by the kind of row (`lease`, `set` …). */
  readBy: Record<string, number>;
  writeBy: Record<string, number>;
  /** Writes, however large. */
  writesBy: Record<string, number>;
  logBytes: number;
  /** Series of embedded metrics, each counted once an hour in which it was sent, as CloudWatch does. */
  seriesHours: number;
  series: string[];
  secretsCalls: number;
  keyCalls: number;
  /** Sent to GitHub and to clusters, as HTTP/1.1 writes it. */
  bytesOut: number;
  polls: number;
  /** At the end of the period. */
  tableBytes: number;
}

export interface Meter {
  /** Begins the period; everything before is forgotten. */
  start(): void;
  /** Ends it. */
  stop(tableBytes: number): Usage;
  units(kind: string, units: Units): void;
  /** An invocation that took `extraMs` (CPU, a start) besides what the virtual clock knows. */
  invoked(part: Part): (extraMs: number) => void;
  logged(line: string): void;
  sent(bytes: number, isPoll: boolean): void;
  secretRead(): void;
  keyUsed(): void;
}

/** What CloudWatch Logs adds to each event (AWS, "PutLogEvents"). */
const eventOverhead = 26;
const hourMs = 3_600_000;

/** A meter over virtual time. */
export function createMeter(clock: Pick<Clock, "nowMs">): Meter {
  let from = Infinity;
  let usage = emptyUsage();
  const running = new Set<{ part: Part; startedAt: number }>();
  let seriesHours = new Set<string>();
  const isOn = () => from !== Infinity;
  const bill = (part: Part, startedAt: number, extraMs: number) => {
    usage.billedMs[part] += clock.nowMs() - Math.max(startedAt, from) + extraMs;
  };
  return {
    start() {
      from = clock.nowMs();
      usage = emptyUsage();
      seriesHours = new Set();
    },
    stop(tableBytes) {
      for (const { part, startedAt } of running) bill(part, startedAt, 0);
      usage.tableBytes = tableBytes;
      usage.periodMs = clock.nowMs() - from;
      usage.seriesHours = seriesHours.size;
      usage.series = [
        ...new Set([...seriesHours].map((mark) => mark.slice(mark.indexOf(" ") + 1))),
      ];
      from = Infinity;
      return usage;
    },
    units(kind, { read, write }) {
      if (!isOn()) return;
      usage.read += read;
      usage.write += write;
      add(usage.readBy, kind, read);
      add(usage.writeBy, kind, write);
      add(usage.writesBy, kind, write > 0 ? 1 : 0);
    },
    invoked(part) {
      const invocation = { part, startedAt: clock.nowMs() };
      running.add(invocation);
      if (isOn()) usage.invocations[part]++;
      return (extraMs) => {
        running.delete(invocation);
        if (isOn()) bill(part, invocation.startedAt, extraMs);
      };
    },
    logged(line) {
      if (!isOn()) return;
      usage.logBytes += Buffer.byteLength(line) + 1 + eventOverhead;
      const hour = Math.floor((clock.nowMs() - from) / hourMs);
      for (const series of seriesOf(line)) seriesHours.add(`${hour} ${series}`);
    },
    sent(bytes, isPoll) {
      if (!isOn()) return;
      usage.bytesOut += bytes;
      if (isPoll) usage.polls++;
    },
    secretRead: () => void (isOn() && usage.secretsCalls++),
    keyUsed: () => void (isOn() && usage.keyCalls++),
  };
}

/** The series that a line of the embedded metric format feeds: a name with each of its sets of dimensions. */
function seriesOf(line: string): string[] {
  if (!line.startsWith('{"_aws"')) return [];
  // Our own lines (packages/runtime/metrics.ts).
  const fields = JSON.parse(line) as Record<string, unknown> & {
    _aws: { CloudWatchMetrics: { Dimensions: string[][]; Metrics: { Name: string }[] }[] };
  };
  return fields._aws.CloudWatchMetrics.flatMap(({ Dimensions, Metrics }) =>
    Metrics.flatMap(({ Name }) =>
      Dimensions.map((names) => `${Name} ${names.map((name) => fields[name]).join(" ")}`),
    ),
  );
}

function emptyUsage(): Usage {
  const none = () => ({ webhook: 0, poller: 0, sweep: 0 });
  return {
    periodMs: 0,
    billedMs: none(),
    invocations: none(),
    read: 0,
    write: 0,
    readBy: {},
    writeBy: {},
    writesBy: {},
    logBytes: 0,
    seriesHours: 0,
    series: [],
    secretsCalls: 0,
    keyCalls: 0,
    bytesOut: 0,
    polls: 0,
    tableBytes: 0,
  };
}

function add(sums: Record<string, number>, kind: string, by: number): void {
  if (by > 0) sums[kind] = (sums[kind] ?? 0) + by;
}
