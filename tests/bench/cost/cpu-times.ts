// Why: Lambda bills CPU as time: a function of 256 MB has a seventh of a core, so ten milliseconds of work take seventy.
// Virtual time knows of no work, so it is measured apart, on this machine, and stretched by the share.
import { createHmac } from "node:crypto";
import { createMemoryTable } from "@runlet/coordination/memory-table";
import { createRegistry } from "@runlet/coordination/registry";
import { composeWebhook } from "@runlet/runlet/compose/webhook";
import { createSystemClock } from "@runlet/runtime/clock";
import { createSilentLog } from "@runlet/runtime/log";
import { createSeededRandom } from "@runlet/runtime/random";
import { bundleFunction } from "@runlet/runlet/artifacts/bundle-function";
import { median } from "../percentile.ts";
import { startBundle } from "../start-bundle.ts";
import { parts, type Part } from "./meter.ts";

/** AWS, "Configure Lambda function memory": one vCPU at 1,769 MB, and in proportion below. */
export const cpuShare = (memoryMb: number) => Math.min(1, memoryMb / 1_769);

/** Milliseconds of a whole core for each function's start: its process and the import of its bundle. */
export async function measureStarts(home: string, runs: number): Promise<Record<Part, number>> {
  const times: Partial<Record<Part, number>> = {};
  for (const part of parts) {
    const { path } = await bundleFunction(part, home);
    const each: number[] = [];
    for (let run = 0; run < runs; run++) each.push((await startBundle(path)).cpuMs);
    times[part] = median(each);
  }
  return times as Record<Part, number>; // a value for each of `parts`
}

/** Milliseconds of a whole core for one event, warm, among `scaleSets`; signing and TLS to AWS are not in it. */
export async function measureWebhook(scaleSets: number, events: number): Promise<number> {
  const clock = createSystemClock();
  const base = {
    table: createMemoryTable(),
    clock,
    random: createSeededRandom(1),
    log: createSilentLog(),
  };
  const registry = createRegistry(base);
  for (let n = 0; n < scaleSets; n++) {
    const name = `set-${n}`;
    const scopeKey = "github.com/my-org";
    await registry.putScaleSet(
      {
        key: `${scopeKey}:${n}`,
        scopeKey,
        configUrl: `https://${scopeKey}`,
        scaleSetId: n,
        name,
        runnerGroup: "",
        labels: [name],
        shard: "shard-0",
        targets: [{ cluster: "east", namespace: "runners", autoscalingRunnerSet: name }],
        shared: false,
      },
      undefined,
    );
  }
  const secret = "s".repeat(20);
  const app = composeWebhook({
    ...base,
    metrics: { count: () => {} },
    invoker: { invoke: async () => {} },
    webhookSecrets: async () => [secret],
  });
  const deliver = async (n: number) => {
    const body = bodyOf(n, `set-${n % scaleSets}`);
    const signature = createHmac("sha256", secret).update(body).digest("hex");
    const headers = {
      "x-github-event": "workflow_job",
      "x-github-delivery": String(n),
      "x-hub-signature-256": `sha256=${signature}`,
    };
    const answer = await app.request("/webhook", { method: "POST", headers, body });
    if (answer.status !== 202) throw new Error(`the webhook answered ${answer.status}`);
  };
  for (let n = 0; n < 50; n++) await deliver(n);
  const before = process.cpuUsage();
  for (let n = 50; n < 50 + events; n++) await deliver(n);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000 / events;
}

/** As long as GitHub's. */
function bodyOf(n: number, label: string): string {
  return JSON.stringify({
    action: "queued",
    workflow_job: { id: n, run_id: n, name: "build", labels: [label], steps: "x".repeat(10_000) },
    repository: {
      name: "r",
      full_name: "my-org/r",
      html_url: "https://github.com/my-org/r",
      owner: { login: "my-org" },
    },
  });
}
