// Why: the poller's memory is what a shard costs, and too little of it kills two hundred scale sets at once. This runs the very
// bundle that is deployed with a full shard, through a burst, and holds the most that it ever took against its setting.
import { readFileSync } from "node:fs";
import { createDynamodbTable } from "@runlet/coordination/dynamodb-table";
import { serveAccount } from "./account-server.ts";
import { createArtifactFunctions } from "./artifact-functions.ts";
import type { Bench, BenchContext } from "./bench.ts";
import { nameSets, startBenchWorld, type BenchWorld } from "./bench-world.ts";
import { cpuShare } from "./cost/cpu-times.ts";
import { countStageResources } from "./cost/stage-resources.ts";
import type { Figure } from "./figures.ts";
import { createLimitedNode } from "./limited-node.ts";
import type { ServiceProtocol } from "./serve-service.ts";

const labels = { "https/1.1": "HTTP/1.1", "https/2": "HTTP/2" } as const;
/** Of the setting: what is above is room for Lambda's own runtime and for what nobody thought of. */
const mostShare = 0.75;
const mebibyte = 1_048_576;

export const pollerMemory: Bench = {
  summary:
    "the poller's bundle with a full shard: the most memory it takes, and the CPU of a take-over",
  async run(context) {
    const setsCount = context.small ? 10 : 200;
    const { memoryMb } = await countStageResources();
    const node = createLimitedNode({ memoryMb: memoryMb.poller }, context.home);
    const figures: Figure[] = [];
    for (const protocol of ["https/1.1", "https/2"] as const) {
      const taken = await measure(context, { protocol, setsCount, nodePath: node?.path });
      const what = (words: string) => `${labels[protocol]}: ${words}`;
      const bar = (mostShare * memoryMb.poller * mebibyte) / 1e6;
      const share = cpuShare(memoryMb.poller);
      figures.push(
        { what: what("resident, every set on long poll"), value: taken.quietMb, unit: "MB" },
        {
          what: what("the most, after a job for each set at once"),
          value: taken.mostMb,
          unit: "MB",
          bar,
        },
        { what: what("CPU until every set polls"), value: taken.startCpuMs / 1_000, unit: "s" },
        {
          what: what(`the same at the share of a core that ${memoryMb.poller} MB have`),
          value: taken.startCpuMs / 1_000 / share,
          unit: "s",
        },
      );
    }
    node?.remove();
    const limited = node ? "a control group holds it to that" : "nothing holds it to that here";
    return {
      settings:
        `settings of the cloud, stacks/ gives the poller ${memoryMb.poller} MB, and ${limited}; ` +
        "TLS, polls held 5 s; 1 MB = 10⁶ bytes",
      varied: `${setsCount} sets; the bundle in the function host; the bar is three quarters of the setting`,
      figures,
    };
  },
};

interface Case {
  protocol: ServiceProtocol;
  setsCount: number;
  nodePath: string | undefined;
}

interface Taken {
  quietMb: number;
  mostMb: number;
  startCpuMs: number;
}

async function measure(
  { home, small, say }: BenchContext,
  { protocol, setsCount, nodePath }: Case,
): Promise<Taken> {
  const account = await serveAccount();
  const names = nameSets(setsCount);
  const bench = await startBenchWorld({
    home,
    scaleSets: names,
    protocol,
    knobs: { holdMs: 5_000 },
    table: createDynamodbTable(account.dynamodb.call, "runlet"),
    createFunctions: (parts, transport) =>
      createArtifactFunctions(parts, transport, { home, account, nodePath }),
  });
  try {
    const pid = await bench.holder();
    const startCpuMs = readCpuMs(pid);
    await bench.clock.sleep(small ? 1_000 : 15_000);
    const quietMb = readMb(pid, "VmRSS");
    await burst(bench, names);
    const mostMb = readMb(pid, "VmHWM");
    say(`${protocol}: ${quietMb.toFixed(1)} MB quiet, ${mostMb.toFixed(1)} MB at most`);
    return { quietMb, mostMb, startCpuMs };
  } finally {
    await bench.stop();
    account.close();
  }
}

/** A job for each set at once; resolves when each message has been acknowledged. */
async function burst({ facts, world }: BenchWorld, names: readonly string[]): Promise<void> {
  const waiting = new Set<string>(names.map((name) => keyOf(world, name)));
  const all = facts.until("every message acknowledged", 60_000, (fact) => {
    if (fact.kind === "message-deleted") waiting.delete(fact.scaleSet);
    return waiting.size === 0;
  });
  for (const scaleSet of names) {
    world.service.control.queueJobs({ scaleSet, durationMs: 60_000, result: "succeeded" });
  }
  await all;
}

function keyOf(world: BenchWorld["world"], name: string): string {
  const found = world.service.control.findScaleSet(name);
  if (!found) throw new Error(`there is no scale set ${name}`);
  return found.key;
}

/** A line of /proc/PID/status, which gives kibibytes, in MB. */
function readMb(pid: number, name: "VmRSS" | "VmHWM"): number {
  const found = new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(
    readFileSync(`/proc/${pid}/status`, "utf8"),
  );
  if (!found) throw new Error(`/proc/${pid}/status has no ${name}`);
  return (Number(found[1]) * 1_024) / 1e6;
}

/** User and system time of a process so far: fields 14 and 15 of /proc/PID/stat, in hundredths of a second. */
function readCpuMs(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  // The second field is the command in brackets, which may hold spaces.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
