// Why: every other benchmark has whole cores, and a deployed poller has a seventh of one. How long two hundred scale sets wait
// for a successor then is CPU more than anything else, and the poller's memory buys it.
import { createDynamodbTable } from "@runlet/coordination/dynamodb-table";
import { serveAccount } from "./account-server.ts";
import { createArtifactFunctions } from "./artifact-functions.ts";
import type { Bench, BenchContext } from "./bench.ts";
import { nameSets, startBenchWorld, type BenchWorld } from "./bench-world.ts";
import { cpuShare } from "./cost/cpu-times.ts";
import { countStageResources } from "./cost/stage-resources.ts";
import type { Figure } from "./figures.ts";
import { createLimitedNode } from "./limited-node.ts";
import { followPolling } from "./polling.ts";

/** The first hand-over comes after 45 s; the code is warm by then. */
const invocationMs = 60_000;
/** After the lease has run out: to start and to resume the sessions. */
const spareMs = 2_000;
const lookMs = 12_000;

export const pollerShare: Bench = {
  summary:
    "the poller's bundle at its share of a core: a hand-over and a take-over of a full shard",
  async run(context) {
    const setsCount = context.small ? 10 : 200;
    const { poller } = (await countStageResources()).memoryMb;
    const figures: Figure[] = [];
    for (const memoryMb of [poller, 2 * poller]) {
      const limits = { cpuShare: cpuShare(memoryMb), memoryMb };
      const node = createLimitedNode(limits, context.home);
      if (!node) context.say("skipped: no control group can be made here, so no share of a core");
      else {
        figures.push(...(await measure(context, { memoryMb, setsCount, nodePath: node.path })));
        node.remove();
      }
    }
    return {
      settings:
        `settings of the cloud, but an invocation lasts ${invocationMs / 1_000} s; HTTP/2 with TLS; ` +
        `a control group for each container; stacks/ gives the poller ${poller} MB`,
      varied: `${setsCount} sets; one hand-over, one SIGKILL with a failure notice`,
      figures,
    };
  },
};

interface Case {
  memoryMb: number;
  setsCount: number;
  nodePath: string;
}

async function measure(
  { home, say }: BenchContext,
  { memoryMb, setsCount, nodePath }: Case,
): Promise<Figure[]> {
  const account = await serveAccount();
  const names = nameSets(setsCount);
  const bench = await startBenchWorld({
    home,
    scaleSets: names,
    protocol: "https/2",
    settings: { invocationMs },
    table: createDynamodbTable(account.dynamodb.call, "runlet"),
    createFunctions: (parts, transport) =>
      createArtifactFunctions(parts, transport, { home, account, nodePath }),
  });
  try {
    const moved = await measureHandOver(bench, names);
    const taken = await measureTakeOver(bench, names);
    say(`${memoryMb} MB: moved in ${moved.lastMs} ms, taken over in ${taken} ms`);
    const what = (words: string) => `${memoryMb} MB: ${words}`;
    return [
      { what: what("hand-over, release → every set's next poll"), value: moved.lastMs, unit: "ms" },
      { what: what("hand-over, longest time without a poll"), value: moved.gapMs, unit: "ms" },
      {
        what: what("take-over, beyond the lease until every set polls"),
        value: taken - bench.settings.leaseMs,
        unit: "ms",
        bar: spareMs,
      },
    ];
  } finally {
    await bench.stop();
    account.close();
  }
}

async function measureHandOver({ clock, facts, lines }: BenchWorld, names: readonly string[]) {
  const polling = followPolling(facts);
  await lines.until("hand-over", 2 * invocationMs, ({ event }) => event === "shard_handed_over");
  const releasedAt = clock.nowMs();
  const { at } = await everySetPolls(facts, names, lookMs);
  await clock.sleep(Math.max(0, releasedAt + lookMs - clock.nowMs()));
  polling.stop();
  const gaps = polling.gaps().filter(({ to }) => to >= releasedAt - 1_000);
  return {
    lastMs: Math.round(at - releasedAt),
    gapMs: Math.round(Math.max(0, ...gaps.map(({ from, to }) => to - from))),
  };
}

/** Milliseconds from the failure notice until each set polls again. */
async function measureTakeOver(bench: BenchWorld, names: readonly string[]): Promise<number> {
  const { clock, facts, lines, holder } = bench;
  const noticed = lines.until("failure notice", 10_000, (line) => {
    return line.event === "invocation_failed";
  });
  process.kill(await holder(), "SIGKILL");
  await noticed;
  const noticedAt = clock.nowMs();
  const { at } = await everySetPolls(facts, names, 120_000);
  return Math.round(at - noticedAt);
}

function everySetPolls(
  facts: BenchWorld["facts"],
  names: readonly string[],
  limitMs: number,
): Promise<{ at: number }> {
  const polled = new Set<string>();
  return facts.until("every set on long poll again", limitMs, (fact) => {
    if (fact.kind === "poll-opened") polled.add(fact.scaleSet);
    return polled.size === names.length;
  });
}
