// Why: what `npm run demo -- --artifacts` opens is looked at closer than its summary can: who was asked as whom, what stands
// in the table, what is refused, and which ways lead to AWS.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openArtifactStage, type ArtifactStage } from "@runlet/runlet/artifacts/artifact-stage";
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
import { dynamodbUrl } from "./dynamodb.ts";
import { startForwardProxy } from "./forward-proxy.ts";
import { motoUrl } from "./moto.ts";

const seed = 11;
const clock = createSystemClock();

let home: string;
let stage: ArtifactStage | undefined;
let world: World<ProcessFunctions> | undefined;
let lines: string[];
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "runlet-aws-world-"));
  lines = [];
});
afterEach(async () => {
  await world?.stop();
  await stage?.stop();
  [world, stage] = [undefined, undefined];
  rmSync(home, { recursive: true, force: true });
});

type Change = (environment: Record<string, string>) => Record<string, string>;

async function openWorld(
  plan: ScenarioPlan,
  mode: Mode,
  {
    allowLoopback = true,
    change = (told) => told,
  }: { allowLoopback?: boolean; change?: Change } = {},
) {
  const random = createSystemRandom();
  const opened = await openArtifactStage(
    { clock, random, say: () => {} },
    {
      dynamodbUrl: dynamodbUrl(),
      motoUrl: motoUrl(),
      stage: `test-${crypto.randomUUID().slice(0, 8)}`,
      home: join(home, "stage"),
      webhookPort: 0,
      allowLoopback,
      change,
    },
  );
  stage = opened;
  const transport = await createSocketTransport({ clock }, { home, servicePort: 0, tls: true });
  world = await createWorld<ProcessFunctions>(
    {
      clock,
      random,
      table: opened.table,
      transport,
      authenticate: (cluster, token) => opened.authenticate(cluster, token),
      createFunctions: (parts) => opened.createFunctions(parts, transport),
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
  return { world, stage: opened };
}

function planFor(jobs: number, faults: boolean): ScenarioPlan {
  const { leaseMs } = demoSettings;
  const sizes = { jobs, scaleSets: 3, clusters: 2, spreadMs: 12_000 };
  return planScenario(createSeededRandom(seed), { ...sizes, faults, leaseMs });
}

/** As whom the control plane came to a cluster; what was refused is left out. */
function callers({ clusters }: World, name: string): string[] {
  const ours = (clusters.get(name)?.api.auditLog() ?? []).filter(
    ({ userAgent, status }) => userAgent.startsWith("runlet-control-plane") && status === 200,
  );
  return [...new Set(ours.map(({ user }) => user))].toSorted();
}

test.each<Mode>(["acquire", "auto-assign"])(
  "the demo's jobs and faults on the bundles for AWS, %s mode: every job runs, nothing is left, no secret is in the table",
  { timeout: 150_000 },
  async (mode) => {
    const plan = planFor(24, true);
    const { world: played, stage: on } = await openWorld(plan, mode);
    await play(played, plan, { limitMs: 60_000 });
    const report = reportOn(played, plan, 0);
    expect(report, `seed ${seed}`).toMatchObject({
      jobs: { queued: 24, lost: 0 },
      runners: { leftover: 0 },
      sessions: { conflicts: 0 },
    });
    // Figures left as CloudWatch takes them, also those of pollers that were killed.
    expect(lines.some((line) => line.includes('"CloudWatchMetrics"'))).toBe(true);
    expect(report.takeOvers).toBeGreaterThan(0);
    expect(report.sessions.resumed).toBeGreaterThan(0);
    // The one cluster knows roles by their access entries, the other the account of a kubeconfig.
    const role = on.tableName.replace(/^runlet-(test-\w+)-.*/, "role/runlet-$1");
    const arns = ["poller", "sweep"].map((part) => `arn:aws:iam::123456789012:${role}-${part}`);
    expect(callers(played, "east")).toEqual(arns);
    expect(callers(played, "west")).toEqual([
      "system:serviceaccount:runlet-system:runlet-control-plane",
    ]);
    expect(on.eks.refusals).toEqual([]);
    const scan = await on.account.dynamodb("Scan", { TableName: on.tableName });
    const stored = JSON.stringify((scan as { Items: unknown[] }).Items);
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
    const { start, recorder } = (await openWorld(plan, "acquire", { allowLoopback: false })).world;
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
    const hosts: Record<string, string> = {
      "dynamodb.test": dynamodbUrl(),
      "moto.test": motoUrl(),
    };
    const proxy = await startForwardProxy(hosts);
    const plan = planFor(3, false);
    const { world: played } = await openWorld(plan, "auto-assign", {
      change(told) {
        hosts["eks.test"] = told["AWS_ENDPOINT_URL_EKS"] ?? "";
        return {
          ...told,
          HTTP_PROXY: proxy.url,
          AWS_ENDPOINT_URL: "http://moto.test",
          AWS_ENDPOINT_URL_DYNAMODB: "http://dynamodb.test",
          AWS_ENDPOINT_URL_EKS: "http://eks.test",
        };
      },
    });
    await play(played, plan, { limitMs: 60_000 });
    expect(reportOn(played, plan, 0).jobs).toMatchObject({ queued: 3, lost: 0 });
    expect([...proxy.seen.keys()].toSorted()).toEqual(Object.keys(hosts).toSorted());
    proxy.close();
  },
);
