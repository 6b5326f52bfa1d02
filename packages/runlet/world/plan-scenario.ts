// Why: what will be asked of the world, and what will be done to it, is drawn from a seed before it starts, as plain
// values: so a run can be repeated, printed and shrunk.
import type { Random } from "@runlet/runtime/random";

export interface ScaleSetPlan {
  name: string;
  /** Clusters that serve it; more than one: shared. */
  clusters: string[];
  minRunners: number;
  maxRunners: number;
}

export interface JobPlan {
  atMs: number;
  scaleSet: string;
  durationMs: number;
  result: "succeeded" | "failed";
  /** Cancelled this long after it was queued, if it has not ended by then. */
  cancelAfterMs?: number;
}

export type FaultPlan = { atMs: number } & (
  | { kind: "kill-poller" }
  | { kind: "freeze-poller"; forMs: number }
  | { kind: "cut-watches"; cluster: string }
  | { kind: "service-answers"; route: string; status: number; times: number }
  | { kind: "cluster-answers"; cluster: string; status: number; times: number }
  | { kind: "cluster-unreachable"; cluster: string; forMs: number }
  | { kind: "queue-tokens-expire" }
);

export interface ScenarioPlan {
  clusters: string[];
  scaleSets: ScaleSetPlan[];
  jobs: JobPlan[];
  faults: FaultPlan[];
  /** Chance in [0, 1] that a webhook is lost, or comes twice. */
  webhooks: { lost: number; doubled: number; delayMs: number };
}

export interface ScenarioOptions {
  jobs: number;
  scaleSets: number;
  clusters: number;
  faults: boolean;
  /** The lease's length: a freeze must outlast it. */
  leaseMs: number;
  /** Jobs are queued over this long. */
  spreadMs: number;
}

const clusterNames = ["east", "west", "north", "south"];
const setNames = ["linux", "linux-large", "gpu", "arm", "windows", "macos", "release", "nightly"];

/** A workload and its misfortunes; the same values for the same seed. */
export function planScenario(random: Random, options: ScenarioOptions): ScenarioPlan {
  const clusters = Array.from(
    { length: options.clusters },
    (_, n) => clusterNames[n] ?? `cluster-${n}`,
  );
  const scaleSets = Array.from({ length: options.scaleSets }, (_, n) => planSet(clusters, n));
  const jobs = Array.from({ length: options.jobs }, (_, n) =>
    planJob(random, scaleSets, options, n),
  );
  return {
    clusters,
    scaleSets,
    jobs: jobs.toSorted((a, b) => a.atMs - b.atMs),
    faults: options.faults ? planFaults(random, clusters, options) : [],
    webhooks: options.faults
      ? { lost: 0.3, doubled: 0.3, delayMs: 40 }
      : { lost: 0, doubled: 0, delayMs: 20 },
  };
}

/** The first set is on all clusters, the second keeps a runner warm, the third and later rest between jobs. */
function planSet(clusters: string[], n: number): ScaleSetPlan {
  const name = setNames[n] ?? `set-${n}`;
  const home = clusters[n % clusters.length] ?? "east";
  if (n === 0) return { name, clusters, minRunners: 0, maxRunners: 6 };
  return { name, clusters: [home], minRunners: n === 1 ? 1 : 0, maxRunners: 10 };
}

function planJob(
  random: Random,
  scaleSets: ScaleSetPlan[],
  { spreadMs, jobs }: ScenarioOptions,
  n: number,
): JobPlan {
  // Every set gets work; beyond that, chance decides.
  const index = n < scaleSets.length ? n : random.int(scaleSets.length);
  const set = scaleSets[index];
  const cancelled = jobs > 5 && random.next() < 0.05;
  return {
    atMs: Math.round(
      index < 2 ? planBusy(random, spreadMs, n < jobs / 4) : planSparse(random, spreadMs),
    ),
    scaleSet: set?.name ?? "linux",
    durationMs: 200 + random.int(1_200),
    result: random.next() < 0.1 ? "failed" : "succeeded",
    ...(cancelled && { cancelAfterMs: 50 + random.int(400) }),
  };
}

/** A burst at the start, the rest spread out. */
function planBusy(random: Random, spreadMs: number, inBurst: boolean): number {
  return random.next() * (inBurst ? 300 : spreadMs);
}

/** Something early, then nothing for long enough to rest, then something that must wake the shard. */
function planSparse(random: Random, spreadMs: number): number {
  return random.next() < 0.4
    ? random.next() * 0.05 * spreadMs
    : (0.7 + random.next() * 0.3) * spreadMs;
}

/** Every kind at least once; the two kills and the freeze far enough apart to be told apart. */
function planFaults(random: Random, clusters: string[], options: ScenarioOptions): FaultPlan[] {
  const at = (from: number, to: number) =>
    Math.round(options.spreadMs * (from + random.next() * (to - from)));
  const anyCluster = () => clusters[random.int(clusters.length)] ?? "east";
  const errors = [500, 502, 503, 429];
  const status = () => errors[random.int(errors.length)] ?? 500;
  const routes = ["poll", "acknowledge", "acquireJobs", "generateJitConfig", "refreshSession"];
  const faults: FaultPlan[] = [
    { kind: "kill-poller", atMs: at(0.1, 0.25) },
    { kind: "kill-poller", atMs: at(0.6, 0.75) },
    { kind: "freeze-poller", atMs: at(0.35, 0.45), forMs: options.leaseMs * 2 },
    { kind: "queue-tokens-expire", atMs: at(0.3, 0.9) },
    { kind: "cluster-unreachable", cluster: anyCluster(), atMs: at(0.5, 0.6), forMs: 2_500 },
    { kind: "service-answers", route: "*", status: 429, times: 3, atMs: at(0.1, 0.9) },
    { kind: "cluster-answers", cluster: anyCluster(), status: 429, times: 3, atMs: at(0.1, 0.9) },
  ];
  for (const cluster of clusters) {
    faults.push({ kind: "cut-watches", cluster, atMs: at(0.1, 0.9) });
    faults.push({ kind: "cluster-answers", cluster, status: 500, times: 2, atMs: at(0.1, 0.9) });
  }
  for (const route of routes) {
    faults.push({
      kind: "service-answers",
      route,
      status: status(),
      times: 2,
      atMs: at(0.05, 0.95),
    });
  }
  return faults.toSorted((a, b) => a.atMs - b.atMs);
}
