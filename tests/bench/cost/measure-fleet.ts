// Why: a month of a fleet cannot be waited for. One period of it is lived under the virtual clock, with the functions as they
// are composed for AWS, and metered.
import { createDynamodbTable } from "@runlet/coordination/dynamodb-table";
import { createInProcessTransport } from "@runlet/runlet/world/transport";
import { runUntilEnded } from "@runlet/runlet/world/virtual-world";
import { createWorld, type World } from "@runlet/runlet/world/world";
import { createSeededRandom } from "@runlet/runtime/random";
import { cloudSettings } from "@runlet/runtime/settings";
import { createVirtualClock, type VirtualClock } from "@runlet/runtime/virtual-clock";
import { nameSets } from "../bench-world.ts";
import type { CpuTimes } from "./containers.ts";
import type { Fleet } from "./fleets.ts";
import { createMemoryDynamodb } from "./memory-dynamodb.ts";
import { createMeter, type Usage } from "./meter.ts";
import { createMeteredFunctions, type MeteredFunctions } from "./metered-functions.ts";

export interface Measured {
  usage: Usage;
  jobs: number;
  /** Milliseconds of a whole core for one sweep, with what the simulators need to answer it. */
  sweepCpuMs: number;
}

export const clusters = ["east", "west"];
const jobMs = 5 * 60_000;
/** As many jobs end in the period as begin in it. */
const leadMs = 2 * jobMs;
/** Every set has its session by then, and those that rest do so. */
const warmUpMs = 45 * 60_000;

/** Lives the fleet's period after a warm-up; the seed is always the same. */
export async function measureFleet(
  fleet: Fleet,
  deps: { cpu: CpuTimes; caPem: string },
): Promise<Measured> {
  const clock = createVirtualClock();
  const random = createSeededRandom(1);
  const meter = createMeter(clock);
  const dynamodb = createMemoryDynamodb((kind, units) => meter.units(kind, units));
  const names = nameSets(fleet.scaleSets);
  const world = await createWorld<MeteredFunctions>(
    {
      clock,
      random,
      table: createDynamodbTable(dynamodb.call, "runlet"),
      transport: createInProcessTransport(),
      createFunctions: (parts) => createMeteredFunctions({ parts, meter, dynamodb, ...deps }),
    },
    {
      mode: "auto-assign",
      settings: { ...cloudSettings, ...fleet.settings },
      clusters,
      scaleSets: names.map((name, at) => ({
        name,
        clusters: [clusters[at % clusters.length] ?? ""],
        minRunners: 0,
        maxRunners: 10,
      })),
      knobs: { requestsKept: 0 },
      onLine: (line) =>
        void (/"level":"(warn|error)"/.test(line) && process.stderr.write(`${line}\n`)),
    },
  );
  try {
    await runUntilEnded(clock, world.start(), 60_000, "the start");
    await clock.runFor(warmUpMs);
    checkServed(world, names.length);
    if (fleet.jobsPerHour === 0) stopClusters(world);
    else {
      queueJobs(world, clock, fleet, names);
      await clock.runFor(leadMs);
    }
    meter.start();
    await clock.runFor(fleet.periodMs);
    const usage = meter.stop(dynamodb.bytes());
    return {
      usage,
      jobs: world.service.control.ledger().counts.queued,
      sweepCpuMs: await measureSweeps(world, clock),
    };
  } finally {
    await world.stop();
  }
}

function checkServed({ recorder }: World, count: number): void {
  const polled = new Set(
    recorder.facts().flatMap((fact) => (fact.kind === "poll-opened" ? [fact.scaleSet] : [])),
  );
  if (polled.size !== count) throw new Error(`${polled.size} of ${count} sets were ever polled`);
}

const sweepsMeasured = 10;

async function measureSweeps(
  { functions }: World<MeteredFunctions>,
  clock: VirtualClock,
): Promise<number> {
  const before = process.cpuUsage();
  for (let n = 0; n < sweepsMeasured; n++) {
    await runUntilEnded(clock, functions.sweepOnce(), 60_000, "a sweep");
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000 / sweepsMeasured;
}

/** What runs in the clusters costs nothing in the account; without jobs it changes nothing either. */
function stopClusters({ clusters: all }: World): void {
  for (const cluster of all.values()) {
    cluster.killReconciler();
    cluster.kubelet.stop();
  }
}

/** Evenly spread: the sets one after the other. */
function queueJobs(world: World, clock: VirtualClock, fleet: Fleet, names: string[]): void {
  const everyMs = 3_600_000 / (fleet.jobsPerHour * fleet.scaleSets);
  const count = Math.floor((leadMs + fleet.periodMs) / everyMs);
  for (let n = 0; n < count; n++) {
    clock.after(n * everyMs, () => {
      world.service.control.queueJobs({
        scaleSet: names[n % names.length] ?? "",
        durationMs: jobMs,
        result: "succeeded",
      });
    });
  }
}
