// Why: a monorepo's merge queue sends hundreds of webhooks in a moment, and GitHub sends each once (fault F24). Measured
// at the webhook's door, from the request until its answer, which comes after the wake: 150 signed events a second.
import { createHmac, randomUUID } from "node:crypto";
import type { Bench, BenchContext } from "./bench.ts";
import { nameSets, startBenchWorld, type BenchWorld } from "./bench-world.ts";
import { percentile } from "./percentile.ts";

const setsCount = 20;
const secondsCount = 10;

interface Delivered {
  status: number;
  ms: number;
}

export const webhookFlood: Bench = {
  summary: "1,500 signed webhooks in 10 s: none lost, and how long each takes to the wake",
  async run({ home, small, say }: BenchContext) {
    const eventsCount = small ? 60 : 1_500;
    const names = nameSets(setsCount);
    const bench = await startBenchWorld({ home, scaleSets: names });
    const woken = countWoken(bench);
    const cold = await flood(bench, names, 8);
    const warm = await flood(bench, names, eventsCount);
    await bench.stop();
    const times = warm.map(({ ms }) => ms);
    const accepted = [...cold, ...warm].filter(({ status }) => status === 202).length;
    say(`slowest ${Math.round(Math.max(...times))} ms`);
    const sent = cold.length + warm.length;
    return {
      settings:
        "settings of the cloud; the webhook as a function with 4 containers under the function host, " +
        "SQLite, beside a poller that serves the sets",
      varied: `${eventsCount} events over ${setsCount} sets, ${eventsCount / secondsCount} a second, each another job`,
      figures: [
        { what: "not answered with 202", value: sent - accepted, unit: "count", bar: 0 },
        { what: "answered, and no shard woken", value: accepted - woken(), unit: "count", bar: 0 },
        { what: "to the wake, p50", value: percentile(times, 0.5), unit: "ms" },
        { what: "to the wake, p99", value: percentile(times, 0.99), unit: "ms", bar: 50 },
        {
          what: "slowest of 8 at a cold start",
          value: Math.max(...cold.map(({ ms }) => ms)),
          unit: "ms",
        },
      ],
    };
  },
};

/** Sends the events evenly over the time; resolves when each is answered. */
async function flood(bench: BenchWorld, names: string[], count: number): Promise<Delivered[]> {
  const { clock, world } = bench;
  const everyMs = (secondsCount * 1_000) / count;
  const startedAt = clock.nowMs();
  const sent: Promise<Delivered>[] = [];
  for (let n = 0; n < count; n++) {
    await clock.sleep(Math.max(0, startedAt + n * everyMs - clock.nowMs()));
    const { headers, body } = signedJob(world, names[n % names.length] ?? "");
    const at = clock.nowMs();
    sent.push(
      world.functions
        .deliver(headers, body)
        .catch(() => 0)
        .then((status) => ({ status, ms: clock.nowMs() - at })),
    );
  }
  return Promise.all(sent);
}

/** How many events have woken somebody, as the webhook says. */
function countWoken({ lines }: BenchWorld): () => number {
  let count = 0;
  lines.listen(({ event, shards }) => {
    if (event === "webhook_matched" && Array.isArray(shards) && shards.length > 0) count++;
  });
  return () => count;
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
    body,
    headers: {
      "content-type": "application/json",
      "x-github-event": "workflow_job",
      "x-github-delivery": randomUUID(),
      "x-hub-signature-256": `sha256=${signature}`,
    },
  };
}
