// Why: what a run was like is read from what happened: the service's facts, the clusters' runner sets, the
// functions' log lines. Nothing in the product is asked how it went.
import type { SimulatorEvent } from "@runlet/simulators/actions-service/events";

/** A log line, read back. */
export interface LogLine {
  event: string;
  [field: string]: unknown;
}

export interface Recorder {
  fact(fact: SimulatorEvent): void;
  line(text: string): void;
  /** A scale set's runner sets now ask for so many runners together. */
  desired(scaleSet: string, cluster: string, replicas: number, at: number): void;
  /** How often the poller counted something. */
  count(metric: string): number;
  facts(): readonly SimulatorEvent[];
  /** The last few thousand lines, oldest first. */
  lines(): readonly LogLine[];
  /** Milliseconds from when a job could be seen as assigned until as many runners were asked for. */
  availableToPatch(): number[];
  queuedToStarted(): number[];
  /** A runner (an EphemeralRunner) was made in a cluster. */
  runnerMade(cluster: string): void;
  /** Runners made, by cluster. */
  clusterSplit(): ReadonlyMap<string, number>;
}

interface Waiting {
  at: number;
  runners: number;
}

interface SetState {
  minRunners: number;
  maxRunners: number;
  assigned: Set<string>;
  replicas: Map<string, number>;
  waiting: Waiting[];
}

const linesMax = 20_000;

/** `limits` by scale-set name: what the set may have altogether. */
export function createRecorder(
  limits: ReadonlyMap<string, { minRunners: number; maxRunners: number }>,
): Recorder {
  const facts: SimulatorEvent[] = [];
  const lines: LogLine[] = [];
  const counts = new Map<string, number>();
  const names = new Map<string, string>();
  const split = new Map<string, number>();
  const patches: number[] = [];
  const starts: number[] = [];
  const sets = new Map<string, SetState>(
    [...limits].map(([name, limit]) => [
      name,
      { ...limit, assigned: new Set(), replicas: new Map(), waiting: [] },
    ]),
  );

  /** Who waits is served as soon as the sum asked for reaches what it needs. */
  function serve(set: SetState, at: number) {
    const total = [...set.replicas.values()].reduce((sum, n) => sum + n, 0);
    for (const one of set.waiting.filter(({ runners }) => runners <= total)) {
      patches.push(at - one.at);
    }
    set.waiting = set.waiting.filter(({ runners }) => runners > total);
  }

  function follow(set: SetState, fact: Extract<SimulatorEvent, { job: unknown }>) {
    if (typeof fact.job !== "object") return;
    const { key } = fact.job;
    if (fact.kind === "job-assigned") {
      set.assigned.add(key);
      const wanted = Math.min(set.minRunners + set.assigned.size, set.maxRunners);
      set.waiting.push({ at: fact.at, runners: wanted });
      const total = [...set.replicas.values()].reduce((sum, n) => sum + n, 0);
      // Enough was asked for before: no patch is needed, and none is waited for.
      if (total >= wanted) set.waiting.pop();
    } else if (fact.kind === "job-completed" || fact.kind === "job-requeued") {
      set.assigned.delete(key);
      // Fewer are needed now; a patch for more will not come.
      const wanted = Math.min(set.minRunners + set.assigned.size, set.maxRunners);
      set.waiting = set.waiting.filter(({ runners }) => runners <= wanted);
    }
  }

  return {
    fact(fact) {
      facts.push(fact);
      if (fact.kind === "scale-set-created") names.set(fact.scaleSet, fact.name);
      if (fact.kind === "job-started") starts.push(fact.at - fact.job.queuedAt);
      if (!("job" in fact) || typeof fact.job !== "object") return;
      const key = "scaleSet" in fact ? fact.scaleSet : fact.job.scaleSet;
      const set = sets.get(names.get(key ?? "") ?? "");
      if (set) follow(set, fact);
    },
    line(text) {
      const read = readObject(text);
      const counted = read && (readCounted(read) ?? readEmbedded(read));
      if (counted)
        return void counts.set(counted.metric, (counts.get(counted.metric) ?? 0) + counted.by);
      if (!read || !("event" in read)) return;
      const line = read as LogLine; // an object with an event is a line of ours
      lines.push(line);
      if (lines.length > linesMax) lines.splice(0, linesMax / 2);
    },
    desired(scaleSet, cluster, replicas, at) {
      const set = sets.get(scaleSet);
      if (!set) return;
      set.replicas.set(cluster, replicas);
      serve(set, at);
    },
    count: (metric) => counts.get(metric) ?? 0,
    facts: () => facts,
    lines: () => lines,
    availableToPatch: () => patches,
    queuedToStarted: () => starts,
    runnerMade: (cluster) => void split.set(cluster, (split.get(cluster) ?? 0) + 1),
    clusterSplit: () => split,
  };
}

function readObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

/** A figure as a line of the log (local/count.ts). */
function readCounted(line: Record<string, unknown>) {
  if (line["event"] !== "counted") return undefined;
  return { metric: String(line["metric"]), by: Number(line["by"]) };
}

/** A figure in CloudWatch's format, one a line (runtime/metrics.ts). */
function readEmbedded(line: Record<string, unknown>) {
  const { _aws: about } = line as {
    _aws?: { CloudWatchMetrics: { Metrics: { Name: string }[] }[] };
  }; // our own lines
  const metric = about?.CloudWatchMetrics[0]?.Metrics[0]?.Name;
  const by = metric === undefined ? undefined : line[metric];
  return metric !== undefined && typeof by === "number" ? { metric, by } : undefined;
}
