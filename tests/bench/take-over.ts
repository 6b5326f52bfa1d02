// Why: a poller that dies takes 200 scale sets with it. What counts is how long they are not listened to, that no session
// is refused meanwhile, and that no job which came in between is forgotten.
import type { LogLine } from "@runlet/runlet/world/recorder";
import type { Bench, BenchContext } from "./bench.ts";
import { nameSets, startBenchWorld, type BenchWorld } from "./bench-world.ts";
import type { Figure } from "./figures.ts";
import type { BenchFunctions } from "./functions.ts";
import type { Happenings } from "./happenings.ts";
import { countSessions, type SessionCounts } from "./session-counts.ts";

/** Until the successor's polls: a lease, and two seconds to start, to resume the sessions and to ask. */
const spareMs = 2_000;
const firstShard = "shard-0";

export const takeOver: Bench = {
  summary: "SIGKILL of the poller of 200 sets, until each of them polls again",
  async run(context) {
    const setsCount = context.small ? 10 : 200;
    const rounds = context.small ? 1 : 3;
    const figures = [
      ...(await withNotice(context, nameSets(setsCount), rounds)),
      ...(await withSweepOnly(context, nameSets(setsCount))),
    ];
    return {
      settings:
        "settings of the cloud (lease 15 s, sweep 60 s); SQLite; HTTP/1.1 without TLS to the service",
      varied:
        `${setsCount} sets; first watcher started by the failure notice, ${rounds} kills; ` +
        "only the sweep, 1 kill right after one has ended",
      figures,
    };
  },
};

interface Round {
  /** From the kill until the last set polled again. */
  allMs: number;
  /** … until the first one did. */
  firstMs: number;
  /** From the start of the first watcher until the last set polled again. */
  fromWatcherMs: number;
  jobsLost: number;
}

async function withNotice(
  context: BenchContext,
  names: string[],
  rounds: number,
): Promise<Figure[]> {
  const bench = await startBenchWorld({ home: context.home, scaleSets: names });
  const sessions = countSessions(bench.facts);
  const played: Round[] = [];
  for (let round = 0; round < rounds; round++) {
    // A warm holder, as most are when they die.
    await bench.clock.sleep(3_000);
    const pid = await bench.holder();
    const failed = bench.lines.until("failure notice", 10_000, ({ event }) => {
      return event === "invocation_failed";
    });
    const watcher = failed.then(() => bench.clock.nowMs());
    played.push(await kill(bench, names, { pid, watcher }));
    context.say(`failure notice: ${describe(played)}`);
  }
  await bench.stop();
  return toFigures("failure notice", played, bench.settings.leaseMs + spareMs, sessions);
}

/** A poller that was invoked synchronously has no failure notice: nobody is told of its death. */
async function withSweepOnly(context: BenchContext, names: string[]): Promise<Figure[]> {
  let sweep = async () => {};
  const begin = async (functions: BenchFunctions, lines: Happenings<LogLine>) => {
    sweep = async () => {
      const result = await functions.host.invoke("sweep", "{}");
      if (!result.ok) throw new Error(`the sweep failed: ${result.error}`);
    };
    const taken = lines.until("poller", 30_000, ({ event }) => event === "shard_taken");
    void functions.host.invoke("poller", JSON.stringify({ shard: firstShard, reason: "sweep" }));
    await taken;
    await sweep();
  };
  const bench = await startBenchWorld({ home: context.home, scaleSets: names, begin });
  const sessions = countSessions(bench.facts);
  const pid = await bench.holder();
  const { sweepEveryMs, leaseMs } = bench.settings;
  const sweptAt = bench.clock.nowMs();
  await sweep();
  // The next one begins a minute after this one began, finds the lease standing still and wakes the shard.
  const next = bench.clock.sleep(sweepEveryMs - (bench.clock.nowMs() - sweptAt)).then(() => {
    const at = bench.clock.nowMs();
    void sweep();
    return at;
  });
  const played = [await kill(bench, names, { pid, watcher: next })];
  context.say(`sweep only: ${describe(played)}`);
  await bench.stop();
  const bar = sweepEveryMs + leaseMs + spareMs;
  return toFigures("only the sweep", played, bar, sessions);
}

/** Kills the holder; `watcher` resolves to the instant at which somebody begins to watch. */
async function kill(
  bench: BenchWorld,
  names: string[],
  { pid, watcher }: { pid: number; watcher: Promise<number> },
): Promise<Round> {
  const { clock, facts, patches, settings, world } = bench;
  const limitMs = settings.sweepEveryMs + 3 * settings.leaseMs + 60_000;
  const polled = new Set<string>();
  let firstAt = 0;
  const killedAt = clock.nowMs();
  process.kill(pid, "SIGKILL");
  const all = facts.until("every set on long poll again", limitMs, (fact) => {
    if (fact.kind !== "poll-opened" || fact.at < killedAt + 50) return false;
    if (polled.size === 0) firstAt = fact.at;
    polled.add(fact.scaleSet);
    return polled.size === names.length;
  });
  // Jobs that come while nobody listens: each must get its runner, by one PATCH of its set.
  const wanted = new Set(names.slice(0, 20).map((name) => `${name}-`));
  const served = patches.until("PATCH for each job", limitMs, ({ runnerSet }) => {
    for (const prefix of wanted) if (runnerSet.startsWith(prefix)) wanted.delete(prefix);
    return wanted.size === 0;
  });
  // Judged below by what is left in `wanted`.
  served.catch(() => {});
  await clock.sleep(1_000);
  for (const name of names.slice(0, 20)) {
    world.service.control.queueJobs({ scaleSet: name, repository: "acme/app" });
  }
  const { at: allAt } = await all;
  await Promise.race([served.catch(() => {}), clock.sleep(5_000)]);
  return {
    allMs: allAt - killedAt,
    firstMs: firstAt - killedAt,
    fromWatcherMs: allAt - (await watcher),
    jobsLost: wanted.size,
  };
}

function toFigures(how: string, rounds: Round[], barMs: number, sessions: SessionCounts): Figure[] {
  const worst = (pick: (round: Round) => number) => Math.max(...rounds.map(pick)) / 1_000;
  const what = (words: string) => `${how}: ${words}`;
  const fromWatcher = how === "failure notice";
  const bar = { bar: barMs / 1_000 };
  return [
    { what: what("kill → first set polls"), value: worst(({ firstMs }) => firstMs), unit: "s" },
    {
      what: what("kill → every set polls"),
      value: worst(({ allMs }) => allMs),
      unit: "s",
      ...(!fromWatcher && bar),
    },
    {
      what: what("first watcher → every set polls"),
      value: worst(({ fromWatcherMs }) => fromWatcherMs),
      unit: "s",
      ...(fromWatcher && bar),
    },
    {
      what: what("jobs that came meanwhile and got no PATCH"),
      value: rounds.reduce((sum, { jobsLost }) => sum + jobsLost, 0),
      unit: "count",
      bar: 0,
    },
    ...sessions.figures().map((figure) => ({ ...figure, what: what(figure.what) })),
  ];
}

function describe(rounds: Round[]): string {
  const last = rounds.at(-1);
  return `every set polls ${((last?.allMs ?? 0) / 1_000).toFixed(2)} s after the kill`;
}
