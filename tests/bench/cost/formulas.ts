// Why: a metered figure is believed when it also follows from the settings by hand. These are the formulas of docs/cost.md;
// the benchmark says how far the two are apart.
import { cloudSettings } from "@runlet/runtime/settings";
import type { CpuTimes } from "./containers.ts";
import type { Fleet } from "./fleets.ts";
import { parts, type Part } from "./meter.ts";
import { roundTripMs } from "./metered-ports.ts";

/** What a fleet uses in an hour. */
export interface Estimate {
  billedMs: Record<Part, number>;
  invocations: Record<Part, number>;
  read: number;
  write: number;
}

export interface EstimateInput {
  fleet: Pick<Fleet, "scaleSets" | "life" | "jobsPerHour">;
  cpu: CpuTimes;
  clusters: number;
}

const hourMs = 3_600_000;
const hourS = 3_600;
const sweeps = hourMs / cloudSettings.sweepEveryMs;
/** Read units of a scale set's row with one target, which a query adds up. */
const rowUnits = 0.105;
/** Read units of what the holder says it serves. */
const servesUnits = 0.01 * 0.5;
/** Containers of the webhook that are in use, as metered with some thousand events an hour. */
const warmWebhooks = 3;
/** A checkpoint with a session is written in so many units, whatever it becomes. */
const checkpointUnits = 3;

/** By the settings of the cloud, one target a set, at most one shard. */
export function estimate(input: EstimateInput): Estimate {
  const { life, scaleSets, jobsPerHour } = input.fleet;
  const served = life === "resting" ? looking(input) : polling(input);
  const watched = life === "resting" ? 0 : cloudSettings.heartbeatMs / 2;
  const sweep = sweepsOf(input, watched);
  const jobs = jobsOf(input, scaleSets * jobsPerHour);
  const all = [served, sweep, jobs];
  const sum = (of: (one: Estimate) => number) => all.reduce((total, one) => total + of(one), 0);
  return {
    billedMs: ofParts((part) => sum(({ billedMs }) => billedMs[part])),
    invocations: ofParts((part) => sum(({ invocations }) => invocations[part])),
    read: sum(({ read }) => read),
    write: sum(({ write }) => write),
  };
}

/** Pollers one after the other, each for its time; a hand-over is a start and some calls long. */
function polling({ fleet: { scaleSets, jobsPerHour }, cpu }: EstimateInput): Estimate {
  const { invocationMs, reserveMs, heartbeatMs } = cloudSettings;
  const runs = hourMs / (invocationMs - reserveMs);
  const beats = hourMs / heartbeatMs;
  // A flag is seen at a heartbeat, and has the rows read; several between two are one.
  const flagged = 1 - Math.exp((-scaleSets * jobsPerHour) / beats);
  const rowReads = beats * (flagged + (1 - flagged) / 4) + 2 * runs;
  const list = listUnits(scaleSets);
  return {
    ...nothing(),
    billedMs: only("poller", hourMs + runs * (cpu.start.poller + 100 * roundTripMs.aws)),
    invocations: only("poller", runs),
    // The flag each heartbeat, the rows each fourth, and at a hand-over each checkpoint.
    read: beats + rowReads * (list + 1) + runs * (scaleSets + 20),
    // A heartbeat, a token an hour and set, and at a hand-over lease, successor, fence and list.
    write: beats + scaleSets * checkpointUnits + runs * 8,
  };
}

/** Looks: open the sessions, poll, read the tally, close them; each of these is a checkpoint. */
function looking({ fleet: { scaleSets }, cpu }: EstimateInput): Estimate {
  const { lookEveryMs, lookPollMs, sweepEveryMs, effectsAtOnce } = cloudSettings;
  const rounds = 3 * Math.ceil(scaleSets / effectsAtOnce);
  const takesMs = cpu.start.poller + 2 * lookPollMs + rounds * roundTripMs.github;
  const looks = hourMs / (lookEveryMs + sweepEveryMs / 2 + takesMs);
  return {
    ...nothing(),
    billedMs: only("poller", looks * takesMs),
    invocations: only("poller", looks),
    read: looks * (scaleSets + 2 * listUnits(scaleSets) + 20),
    write: looks * (3 * checkpointUnits * scaleSets + 15),
  };
}

/** The minute's look: rows, clusters, leases, and a lease that must move within a heartbeat. */
function sweepsOf(
  { fleet: { scaleSets }, cpu, clusters }: EstimateInput,
  watchedMs: number,
): Estimate {
  const calls = 5 * roundTripMs.aws + 3 * roundTripMs.cluster;
  const watches =
    watchedMs === 0 ? 1 : watchedMs / (cloudSettings.waiterReadMs + roundTripMs.aws) + 1;
  return {
    ...nothing(),
    billedMs: only("sweep", sweeps * (calls + watchedMs + cpu.invocation.sweep)),
    invocations: only("sweep", sweeps),
    read:
      sweeps * (listUnits(scaleSets) + 1 + clusters + 1 + watches + 1 + servesUnits * scaleSets),
  };
}

/** Three webhooks a job, each remembered and noted; one flag; four checkpoints. */
function jobsOf({ fleet: { scaleSets }, cpu }: EstimateInput, jobs: number): Estimate {
  const webhooks = 3 * jobs;
  const calls = 4 * roundTripMs.aws;
  // Each container keeps its list for 30 s; bursts keep a few of them warm.
  const lists = Math.min(webhooks, (warmWebhooks * hourS) / 30);
  return {
    ...nothing(),
    billedMs: only("webhook", webhooks * (calls + cpu.invocation.webhook)),
    invocations: only("webhook", webhooks),
    read: webhooks * 2 + jobs * 7 + lists * listUnits(scaleSets),
    write: webhooks * 2 + jobs * (2 + 3 + 4 * checkpointUnits),
  };
}

const listUnits = (scaleSets: number) => Math.max(1, Math.ceil(rowUnits * scaleSets));

function ofParts(of: (part: Part) => number): Record<Part, number> {
  return Object.fromEntries(parts.map((part) => [part, of(part)])) as Record<Part, number>; // each
}

const only = (one: Part, value: number) => ofParts((part) => (part === one ? value : 0));

function nothing(): Estimate {
  return { billedMs: ofParts(() => 0), invocations: ofParts(() => 0), read: 0, write: 0 };
}
