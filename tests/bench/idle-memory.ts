// Why: an idle scale set costs a pod of 40 MB with a listener of its own; here it costs a share of one process. The share
// is what remains resident in the poller after full collections, divided by its sets. The poller is the bundle that is
// deployed, held to the memory that it is given there: Node strips the types of sources with a program that alone takes
// more than twenty sets, and V8 lets a heap grow as far as the machine allows.
import { createDynamodbTable } from "@runlet/coordination/dynamodb-table";
import { serveAccount } from "./account-server.ts";
import { createArtifactFunctions } from "./artifact-functions.ts";
import type { Bench, BenchContext } from "./bench.ts";
import { nameSets, startBenchWorld, type BenchWorld } from "./bench-world.ts";
import { countStageResources } from "./cost/stage-resources.ts";
import type { Figure } from "./figures.ts";
import { createLimitedNode } from "./limited-node.ts";
import { median } from "./percentile.ts";
import type { ServiceProtocol } from "./serve-service.ts";

interface Case {
  protocol: ServiceProtocol;
  label: string;
  /** MB that one more set may cost. */
  nextBar: number;
}

const cases: [Case, ...Case[]] = [
  { protocol: "https/1.1", label: "HTTP/1.1", nextBar: 0.15 },
  { protocol: "https/2", label: "HTTP/2", nextBar: 0.03 },
];
const perSetBar = 0.6;
const megabyte = 1_000_000;

export const idleMemory: Bench = {
  summary: "resident memory of one poller with 1, 50, 200 sets on long poll",
  async run(context) {
    const counts: [number, number, number] = context.small ? [1, 5, 20] : [1, 50, 200];
    const rounds = context.small ? 1 : 3;
    const { memoryMb } = await countStageResources();
    const node = createLimitedNode({ memoryMb: memoryMb.poller }, context.home);
    const measureOne = (one: Case, count: number, times: number) =>
      measureRounds(context, { ...one, count, rounds: times, nodePath: node?.path });
    const figures: Figure[] = [];
    // The containers' cache of compiled code is empty before the first.
    await measureOne(cases[0], 1, 1);
    for (const one of cases) {
      const medians = [];
      for (const count of counts) medians.push(await measureOne(one, count, rounds));
      const [alone = 0, some = 0, most = 0] = medians;
      const [, fewer, all] = counts;
      const what = (words: string) => `${one.label}: ${words}`;
      figures.push(
        { what: what("whole process, 1 set"), value: alone, unit: "MB" },
        { what: what(`whole process, ${fewer} sets`), value: some, unit: "MB" },
        { what: what(`whole process, ${all} sets`), value: most, unit: "MB" },
        { what: what(`per set at ${all}`), value: most / all, unit: "MB", bar: perSetBar },
        {
          what: what(`the next set (${fewer} → ${all})`),
          value: (most - some) / (all - fewer),
          unit: "MB",
          bar: one.nextBar,
        },
      );
    }
    node?.remove();
    const limited = node ? `a control group of ${memoryMb.poller} MB` : "no limit of memory here";
    return {
      settings:
        `settings of the cloud, the bundle for AWS, ${limited}; TLS to the service, polls held 5 s; ` +
        "log level info; 1 MB = 10⁶ bytes",
      varied: `sets ${counts.join(", ")}; HTTP/1.1 and HTTP/2; median of ${rounds} fresh processes each`,
      figures,
    };
  },
};

interface Rounds extends Case {
  count: number;
  rounds: number;
  nodePath: string | undefined;
}

async function measureRounds(
  context: BenchContext,
  { protocol, label, count, rounds, nodePath }: Rounds,
): Promise<number> {
  const values: number[] = [];
  const { home } = context;
  for (let round = 0; round < rounds; round++) {
    const account = await serveAccount();
    const bench = await startBenchWorld({
      home,
      scaleSets: nameSets(count),
      protocol,
      knobs: { holdMs: 5_000 },
      table: createDynamodbTable(account.dynamodb.call, "runlet"),
      createFunctions: (parts, transport) =>
        createArtifactFunctions(parts, transport, { home, account, nodePath }),
    });
    const memory = await measure(bench, context.small ? 1_000 : 12_000);
    values.push(memory.rss / megabyte);
    const mb = (bytes: number) => (bytes / megabyte).toFixed(1);
    context.say(
      `${label}, ${count} sets: rss ${mb(memory.rss)} MB, heap ${mb(memory.heapUsed)} of ` +
        `${mb(memory.heapTotal)} MB, external ${mb(memory.external)} MB`,
    );
    await bench.stop();
    account.close();
  }
  return median(values);
}

/** After some polls have come and gone: a process that has just started is larger than it stays. */
async function measure(
  { clock, lines, holder }: BenchWorld,
  afterMs: number,
): Promise<NodeJS.MemoryUsage> {
  await clock.sleep(afterMs);
  const pid = await holder();
  const answer = lines.until("answer about memory", 10_000, ({ event, pid: from }) => {
    return event === "bench_memory" && from === pid;
  });
  process.kill(pid, "SIGUSR2");
  return (await answer)["memory"] as NodeJS.MemoryUsage; // what probe.mjs writes
}
