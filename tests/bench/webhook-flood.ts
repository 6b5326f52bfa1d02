// Why: a monorepo's merge queue sends hundreds of webhooks in a moment, and GitHub sends each once (fault F24). Measured
// from the request at the webhook's door until the shard has been woken, which a log line tells: 150 signed events a
// second, on the bundles that are deployed.
import { createHmac, randomUUID } from "node:crypto";
import { createDynamodbTable } from "@runlet/coordination/dynamodb-table";
import { serveAccount } from "./account-server.ts";
import { createArtifactFunctions } from "./artifact-functions.ts";
import type { Bench, BenchContext } from "./bench.ts";
import { nameSets, startBenchWorld, type BenchWorld } from "./bench-world.ts";
import { percentile } from "./percentile.ts";

const setsCount = 20;
/** A function has a core's share of its own in the cloud; here they all share two, and more would only be more cold ones. */
const containers = 4;
const secondsCount = 10;

interface Delivered {
  runId: string;
  /** Wall ms at which it was sent. */
  at: number;
  status: number;
  answerMs: number;
}

export const webhookFlood: Bench = {
  summary: "1,500 signed webhooks in 10 s: none lost, and how long each takes to the wake",
  async run({ home, small, say }: BenchContext) {
    const eventsCount = small ? 60 : 1_500;
    const names = nameSets(setsCount);
    const account = await serveAccount();
    const bench = await startBenchWorld({
      home,
      scaleSets: names,
      table: createDynamodbTable(account.dynamodb.call, "runlet"),
      createFunctions: (parts, transport) =>
        createArtifactFunctions(parts, transport, {
          home,
          account,
          webhookConcurrency: containers,
        }),
    });
    const wokenAt = followWakes(bench);
    const cold = await flood(bench, names, containers, 0);
    const everyMs = (secondsCount * 1_000) / eventsCount;
    // An organisation that can flood has not been silent before: a fifth of the flood, at a third of its pace.
    const before = await flood(bench, names, eventsCount / 5, 3 * everyMs);
    const warm = await flood(bench, names, eventsCount, everyMs);
    await bench.stop();
    account.close();
    const toWake = (sent: Delivered[]) =>
      sent.map(({ runId, at }) => (wokenAt.get(runId) ?? Infinity) - at);
    const all = [...cold, ...before, ...warm];
    const times = toWake(warm);
    const slowest = times.toSorted((x, y) => y - x).slice(0, 5);
    say(`slowest to the wake: ${slowest.map(Math.round).join(", ")} ms`);
    return {
      settings:
        `settings of the cloud; the webhook's bundle in ${containers} containers, beside a poller that ` +
        "serves the sets; what stands for DynamoDB answers at once",
      varied: `${eventsCount} events over ${setsCount} sets, ${eventsCount / secondsCount} a second, each another job; before it ${eventsCount / 5} at a third of that`,
      figures: [
        {
          what: "not answered with 202",
          value: all.filter(({ status }) => status !== 202).length,
          unit: "count",
          bar: 0,
        },
        {
          what: "no shard woken",
          value: all.filter(({ runId }) => !wokenAt.has(runId)).length,
          unit: "count",
          bar: 0,
        },
        { what: "to the wake, p50", value: percentile(times, 0.5), unit: "ms" },
        { what: "to the wake, p99", value: percentile(times, 0.99), unit: "ms", bar: 50 },
        {
          what: `slowest of ${containers} at once, all cold`,
          value: Math.max(...toWake(cold)),
          unit: "ms",
        },
        {
          what: "to the answer, p99",
          value: percentile(
            warm.map(({ answerMs }) => answerMs),
            0.99,
          ),
          unit: "ms",
        },
      ],
    };
  },
};

/** Sends an event every so often, or all at once; resolves when each is answered. */
async function flood(
  bench: BenchWorld,
  names: string[],
  count: number,
  everyMs: number,
): Promise<Delivered[]> {
  const { clock, world } = bench;
  const startedAt = clock.nowMs();
  const sent: Promise<Delivered>[] = [];
  for (let n = 0; n < count; n++) {
    await clock.sleep(Math.max(0, startedAt + n * everyMs - clock.nowMs()));
    const { runId, headers, body } = signedJob(world, names[n % names.length] ?? "");
    const [at, begun] = [clock.wallMs(), clock.nowMs()];
    const status = world.functions.deliver(headers, body).catch(() => 0);
    sent.push(status.then((status) => ({ runId, at, status, answerMs: clock.nowMs() - begun })));
  }
  return Promise.all(sent);
}

/** When each event has woken somebody (wall ms), by its run. */
function followWakes({ lines }: BenchWorld): ReadonlyMap<string, number> {
  const wokenAt = new Map<string, number>();
  lines.listen(({ event, runId, shards, time }) => {
    if (event !== "webhook_matched" || !Array.isArray(shards) || shards.length === 0) return;
    wokenAt.set(String(runId), Date.parse(String(time)));
  });
  return wokenAt;
}

let lastId = 0;

function signedJob({ configUrl, functions }: BenchWorld["world"], label: string) {
  const id = ++lastId;
  const owner = new URL(configUrl).pathname.slice(1);
  const repository = {
    name: "shop",
    full_name: `${owner}/shop`,
    html_url: `${configUrl}/shop`,
    owner: { login: owner },
  };
  const job = { id, run_id: id, name: "build", labels: [label] };
  const body = JSON.stringify({ action: "queued", workflow_job: job, repository });
  const signature = createHmac("sha256", functions.webhookSecret).update(body).digest("hex");
  return {
    runId: String(id),
    body,
    headers: {
      "content-type": "application/json",
      "x-github-event": "workflow_job",
      "x-github-delivery": randomUUID(),
      "x-hub-signature-256": `sha256=${signature}`,
    },
  };
}
