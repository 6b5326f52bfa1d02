// Why: the composition roots of the cloud are code that nothing else runs, and a bundle can lack what the sources have. Here
// the demo's scenario with all its faults is played by the three bundles as they are composed on AWS, with DynamoDB Local,
// moto and the Invoke API around them.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ProcessFunctions } from "@runlet/runlet/world/functions-in-processes";
import { planScenario, type ScenarioPlan } from "@runlet/runlet/world/plan-scenario";
import { play } from "@runlet/runlet/world/play";
import { reportOn } from "@runlet/runlet/world/report";
import { createSocketTransport } from "@runlet/runlet/world/transport-sockets";
import { createWorld, type World } from "@runlet/runlet/world/world";
import { createSystemClock } from "@runlet/runtime/clock";
import { createSeededRandom, createSystemRandom } from "@runlet/runtime/random";
import { demoSettings } from "@runlet/runtime/settings";
import type { Mode } from "@runlet/simulators/actions-service/knobs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createAwsFunctions } from "./aws-functions.ts";
import { createOwnTable, dynamodbUrl, type OwnTable } from "./dynamodb.ts";
import { startForwardProxy } from "./forward-proxy.ts";
import { motoUrl } from "./moto.ts";

const seed = 11;
const clock = createSystemClock();

let own: OwnTable;
let home: string;
let world: World<ProcessFunctions> | undefined;
let lines: string[];
beforeEach(async () => {
  own = await createOwnTable();
  home = mkdtempSync(join(tmpdir(), "runlet-aws-world-"));
  lines = [];
});
afterEach(async () => {
  await world?.stop();
  world = undefined;
  await own.remove();
  rmSync(home, { recursive: true, force: true });
});

async function openAwsWorld(
  plan: ScenarioPlan,
  mode: Mode,
  { allowLoopback = true, environment = {} } = {},
) {
  const transport = await createSocketTransport({ clock }, { home, servicePort: 0 });
  const stage = `test-${crypto.randomUUID().slice(0, 8)}`;
  const { name: tableName, table } = own;
  const deployment = { stage, tableName, table, allowLoopback, home, environment };
  world = await createWorld<ProcessFunctions>(
    {
      clock,
      random: createSystemRandom(),
      table: own.table,
      transport,
      createFunctions: (parts) => createAwsFunctions(parts, transport, deployment),
    },
    {
      mode,
      settings: demoSettings,
      clusters: plan.clusters,
      scaleSets: plan.scaleSets,
      knobs: { holdMs: 1_000, sessionLapseMs: 6_000 },
      onLine: (line) => lines.push(line),
    },
  );
  return world;
}

function planFor(jobs: number, faults: boolean): ScenarioPlan {
  const { leaseMs } = demoSettings;
  const sizes = { jobs, scaleSets: 3, clusters: 2, spreadMs: 12_000 };
  return planScenario(createSeededRandom(seed), { ...sizes, faults, leaseMs });
}

test.each<Mode>(["acquire", "auto-assign"])(
  "the demo's jobs and faults on the bundles for AWS, %s mode: every job runs, nothing is left, no secret is in the table",
  { timeout: 150_000 },
  async (mode) => {
    const plan = planFor(24, true);
    const played = await openAwsWorld(plan, mode);
    await play(played, plan, { limitMs: 60_000 });
    const report = reportOn(played, plan, 0);
    expect(report, `seed ${seed}`).toMatchObject({
      jobs: { queued: 24, lost: 0 },
      runners: { leftover: 0 },
      sessions: { conflicts: 0 },
    });
    // Figures left as CloudWatch takes them.
    expect(lines.some((line) => line.includes('"CloudWatchMetrics"'))).toBe(true);
    const { Items } = (await own.call("Scan", { TableName: own.name })) as { Items: unknown[] };
    const stored = JSON.stringify(Items);
    expect(stored).toContain("wrapped");
    expect(stored).not.toMatch(/eyJ[\w-]+\.eyJ/);
    expect(stored).not.toContain(played.pat);
  },
);

test(
  "without leave to, the functions go to nothing on this machine, and say so",
  { timeout: 60_000 },
  async () => {
    const plan = planFor(1, false);
    const { start, recorder } = await openAwsWorld(plan, "acquire", {
      allowLoopback: false,
    });
    await start();
    const refused = () => lines.filter((line) => line.includes("this machine's own address"));
    const until = clock.nowMs() + 30_000;
    while (refused().length === 0 && clock.nowMs() < until) await clock.sleep(50);
    expect(refused()).not.toEqual([]);
    expect(recorder.facts().filter(({ kind }) => kind === "poll-opened")).toEqual([]);
  },
);

test(
  "AWS is reached through the proxy that the environment names, and by no other way",
  { timeout: 90_000 },
  async () => {
    const proxy = await startForwardProxy({
      "dynamodb.test": dynamodbUrl(),
      "moto.test": motoUrl(),
    });
    const plan = planFor(3, false);
    const played = await openAwsWorld(plan, "auto-assign", {
      environment: {
        HTTP_PROXY: proxy.url,
        AWS_ENDPOINT_URL: "http://moto.test",
        AWS_ENDPOINT_URL_DYNAMODB: "http://dynamodb.test",
      },
    });
    await play(played, plan, { limitMs: 60_000 });
    expect(reportOn(played, plan, 0).jobs).toMatchObject({ queued: 3, lost: 0 });
    expect([...proxy.seen.keys()].toSorted()).toEqual(["dynamodb.test", "moto.test"]);
    proxy.close();
  },
);
