// Why: between a job that is assigned and a runner that is asked for stands nothing but us. Measured at the two
// simulators, outside of the poller: from the instant at which a message that counts the job could be delivered until
// the PATCH arrived at the Kubernetes API.
import type { Bench, BenchContext } from "./bench.ts";
import { measureBacklog } from "./backlog.ts";
import { nameSets, startBenchWorld, type BenchWorld } from "./bench-world.ts";
import type { Figure } from "./figures.ts";
import { percentile } from "./percentile.ts";

const modes = ["auto-assign", "acquire"] as const;

export const jobToPatch: Bench = {
  summary:
    "from a job that could be seen to the PATCH for its runner; alone, and behind 500 started jobs",
  async run(context) {
    const setsCount = context.small ? 5 : 200;
    const jobsCount = context.small ? 20 : 300;
    const rounds = context.small ? 1 : 3;
    const figures: Figure[] = [];
    for (const mode of modes) {
      const names = nameSets(setsCount);
      const bursts = Array.from({ length: rounds }, (_, n) => `burst-${n}`);
      const scaleSets = [...names, ...bursts].slice(-Math.max(setsCount, bursts.length));
      const bench = await startBenchWorld({ home: context.home, scaleSets, mode });
      const quiet = scaleSets.filter((name) => names.includes(name));
      figures.push(...(await measureQuiet(context, bench, mode, quiet, jobsCount)));
      if (mode === "auto-assign") figures.push(...(await measureBacklog(context, bench, bursts)));
      await bench.stop();
    }
    return {
      settings:
        "settings of the cloud; HTTP/1.1 without TLS to the service, HTTP/2 with TLS to the cluster; " +
        "no webhooks, no reconciler beside it",
      varied:
        `alone: ${jobsCount} jobs one after the other over a shard of ${setsCount} sets, in both modes; ` +
        `behind a backlog: ${rounds} × 10 messages`,
      figures,
    };
  },
};

interface Sample {
  availableMs: number;
  assignedMs: number;
  acknowledgedFirst: boolean;
}

async function measureQuiet(
  context: BenchContext,
  bench: BenchWorld,
  mode: (typeof modes)[number],
  names: string[],
  jobsCount: number,
): Promise<Figure[]> {
  const samples: Sample[] = [];
  // The first jobs find code that has never run; they count as well, and are shown apart.
  for (let n = 0; n < jobsCount; n++) {
    samples.push(await measureOne(bench, names[n % names.length] ?? ""));
  }
  const times = samples.map(({ assignedMs }) => assignedMs);
  const available = samples.map(({ availableMs }) => availableMs);
  const early = samples.filter(({ acknowledgedFirst }) => acknowledgedFirst).length;
  context.say(
    `${mode}: slowest ${times
      .toSorted((a, b) => b - a)
      .slice(0, 5)
      .map(round)
      .join(", ")} ms`,
  );
  const what = (words: string) => `one job, ${mode}: ${words}`;
  return [
    { what: what("p50"), value: percentile(times, 0.5), unit: "ms", bar: 2.5 },
    { what: what("p99"), value: percentile(times, 0.99), unit: "ms", bar: 10 },
    { what: what("slowest of the first 10"), value: Math.max(...times.slice(0, 10)), unit: "ms" },
    ...(mode === "acquire"
      ? ([
          { what: what("p50, with acquiring"), value: percentile(available, 0.5), unit: "ms" },
          { what: what("p99, with acquiring"), value: percentile(available, 0.99), unit: "ms" },
        ] as const)
      : []),
    { what: what("acknowledged before the PATCH"), value: early, unit: "count", bar: 0 },
  ];
}

const limitMs = 30_000;

/** Queues one job for a set whose poll is open; ends when the set polls again. */
async function measureOne(bench: BenchWorld, name: string): Promise<Sample> {
  const { clock, facts, patches, world } = bench;
  const key = bench.keyOf(name);
  let assignedAt = 0;
  let patchedAt = 0;
  let told: number | undefined;
  let acknowledgedFirst = false;
  const unlisten = facts.listen((fact) => {
    if (!("scaleSet" in fact) || fact.scaleSet !== key) return;
    if (fact.kind === "job-assigned") assignedAt = fact.at;
    if (fact.kind === "message-delivered") {
      const counts = fact.entries.some(({ type }) => type === "JobAssigned");
      if (counts) told = fact.messageId;
    }
    if (fact.kind === "message-deleted" && fact.messageId === told) {
      acknowledgedFirst ||= patchedAt === 0;
    }
  });
  // In acquire mode the announcement, which counts nothing yet, is followed by a PATCH of its own.
  const patched = patches.until(`PATCH of ${name}`, limitMs, ({ at, runnerSet }) => {
    const isIt = runnerSet.startsWith(`${name}-`) && assignedAt > 0;
    if (isIt) patchedAt = at;
    return isIt;
  });
  const again = facts.until(`poll of ${name} after its PATCH`, limitMs, (fact) => {
    return fact.kind === "poll-opened" && fact.scaleSet === key && patchedAt > 0;
  });
  const availableAt = clock.nowMs();
  world.service.control.queueJobs({ scaleSet: name, repository: "acme/app" });
  await Promise.all([patched, again]);
  unlisten();
  // A pause as between jobs of a quiet shard, so that nothing of the last turn is still going on.
  await clock.sleep(10);
  return {
    availableMs: patchedAt - availableAt,
    assignedMs: patchedAt - assignedAt,
    acknowledgedFirst,
  };
}

function round(ms: number): number {
  return Math.round(ms * 10) / 10;
}
