// Why: an invocation ends after a quarter of an hour, and its scale sets must not notice. Twenty hand-overs under load,
// and for each set the longest instant without an open poll.
import type { Bench, BenchContext } from "./bench.ts";
import { nameSets, startBenchWorld, type BenchWorld } from "./bench-world.ts";
import type { Figure } from "./figures.ts";
import { percentile } from "./percentile.ts";
import { followPolling, type Gap } from "./polling.ts";
import { countSessions } from "./session-counts.ts";

/** Short invocations, so that twenty of them pass in two minutes; everything else as in the cloud. */
const invocationMs = 20_000;
const loadEveryMs = 100;
const aroundMs = 2_000;

export const handOver: Bench = {
  summary: "20 planned hand-overs of 200 sets under load, longest time without an open poll",
  async run(context) {
    const setsCount = context.small ? 10 : 200;
    const wanted = context.small ? 2 : 20;
    const figures = [
      ...(await measure(context, nameSets(setsCount), wanted, "off")),
      ...(await measure(context, nameSets(setsCount), wanted, "on")),
    ];
    return {
      settings:
        `settings of the cloud, but an invocation lasts ${invocationMs / 1_000} s; SQLite; ` +
        "HTTP/1.1 without TLS to the service",
      varied:
        `${wanted} hand-overs, ${setsCount} sets, ${1_000 / loadEveryMs} jobs a second; ` +
        "without webhooks, and with three of them for each job (a third process on the state file)",
      figures,
    };
  },
};

async function measure(
  { home, say }: BenchContext,
  names: string[],
  wanted: number,
  webhooks: "on" | "off",
): Promise<Figure[]> {
  const bench = await startBenchWorld({
    home,
    scaleSets: names,
    settings: { invocationMs },
    knobs: { webhookLoss: webhooks === "on" ? 0 : 1 },
  });
  const polling = followPolling(bench.facts);
  const sessions = countSessions(bench.facts);
  const load = startLoad(bench, names);
  const handOvers = await waitForHandOvers(bench, wanted, say);
  await bench.clock.sleep(aroundMs);
  load.stop();
  polling.stop();
  const around = longestAround(polling.gaps(), handOvers, names.length);
  say(`longest: ${describeLongest(polling.gaps(), handOvers)}`);
  const turns = polling.gaps().map(({ from, to }) => to - from);
  await bench.stop();
  const figures: Figure[] = [
    {
      what: "longest gap of a set at a hand-over, p50",
      value: percentile(around, 0.5),
      unit: "ms",
    },
    {
      what: "longest gap of a set at a hand-over, p99",
      value: percentile(around, 0.99),
      unit: "ms",
      bar: 100,
    },
    { what: "longest gap of a set at a hand-over", value: percentile(around, 1), unit: "ms" },
    { what: "between two polls, whole run, p99", value: percentile(turns, 0.99), unit: "ms" },
    ...sessions.figures(),
  ];
  return figures.map((figure) => ({ ...figure, what: `webhooks ${webhooks}: ${figure.what}` }));
}

/** Instants at which a holder had released its lease. */
async function waitForHandOvers(
  { clock, lines }: BenchWorld,
  count: number,
  say: (line: string) => void,
): Promise<number[]> {
  const at: number[] = [];
  await lines.until(`${count} hand-overs`, (count + 2) * invocationMs, ({ event, released }) => {
    if (event !== "shard_handed_over") return false;
    at.push(clock.nowMs());
    if (released !== "released")
      say(`hand-over ${at.length}: the lease was lost before its release`);
    if (at.length % 5 === 0) say(`${at.length} hand-overs`);
    return at.length === count;
  });
  return at;
}

/** For each hand-over and each set its longest gap around that instant; 0 when there was none. */
function longestAround(gaps: readonly Gap[], handOvers: number[], setsCount: number): number[] {
  return handOvers.flatMap((at) => {
    const longest = new Map<string, number>();
    for (const { scaleSet, from, to } of gaps) {
      if (to < at - aroundMs || from > at + aroundMs) continue;
      longest.set(scaleSet, Math.max(longest.get(scaleSet) ?? 0, to - from));
    }
    return [...longest.values(), ...Array<number>(setsCount - longest.size).fill(0)];
  });
}

/** The longest gaps, each with its beginning and end relative to the nearest hand-over's release. */
function describeLongest(gaps: readonly Gap[], handOvers: number[]): string {
  const nearest = (to: number) =>
    handOvers.reduce((best, at) => (Math.abs(at - to) < Math.abs(best - to) ? at : best), 0);
  return gaps
    .toSorted((a, b) => b.to - b.from - (a.to - a.from))
    .slice(0, 5)
    .map(({ scaleSet, from, to }) => {
      const at = nearest(to);
      return `set ${scaleSet} from ${Math.round(from - at)} to ${Math.round(to - at)} ms`;
    })
    .join(", ");
}

/** A job for a set at a time, each cancelled a second later, so that runner counts rise and fall. */
function startLoad({ clock, world }: BenchWorld, names: string[]): { stop(): void } {
  const { control } = world.service;
  const end = new AbortController();
  const run = async () => {
    for (let count = 0; !end.signal.aborted; count++) {
      const scaleSet = names[(count * 7) % names.length] ?? "";
      for (const { key } of control.queueJobs({ scaleSet, repository: "acme/app" })) {
        clock.after(1_000, () => void control.cancelJob(key));
      }
      await clock.sleep(loadEveryMs, end.signal).catch(() => {});
    }
  };
  void run();
  return { stop: () => end.abort(new Error("the load ends")) };
}
