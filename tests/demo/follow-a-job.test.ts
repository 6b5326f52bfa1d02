// Why: "where is my job?" is asked with the address of a workflow run in hand. From that number alone the log must lead from
// GitHub's webhook to the pod, and status must say who serves what.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { openKubeconfigAccess } from "@runlet/kubernetes/kubeconfig-access";
import { createKubernetesClient } from "@runlet/kubernetes/client";
import { ephemeralRunners, pods, type EphemeralRunner } from "@runlet/kubernetes/resources";
import { createSystemClock } from "@runlet/runtime/clock";
import { afterEach, expect, it } from "vitest";
import { killPrograms, newHome, runProgram } from "./run-program.ts";
import { startWorld } from "./start-world.ts";

afterEach(killPrograms);

interface Line {
  event: string;
  runId?: string;
  jobName?: string;
  runnerName?: string;
  [field: string]: unknown;
}

interface QueuedJob {
  key: string;
  workflowRunId: number;
  displayName: string;
}

const clock = createSystemClock();

async function until(done: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await done())) await new Promise((next) => setTimeout(next, 100));
}

it(
  "one job is followed by its workflow run from the webhook to the pod, in the log of npm start",
  { timeout: 120_000 },
  async () => {
    const home = newHome();
    const world = await startWorld(home);
    const { service, control } = world;
    const log = () =>
      readFileSync(join(home, "start", "log.jsonl"), "utf8")
        .split("\n")
        .filter((line) => line.startsWith("{"))
        .map((line) => JSON.parse(line) as Line);
    // Only what is registered is matched by a webhook.
    await until(() => log().some(({ event }) => event === "scale_set_registered"));
    const answer = await fetch(`${control}/jobs`, {
      method: "POST",
      body: JSON.stringify({ scaleSet: "linux", count: 2, durationMs: 600_000 }),
    });
    const { jobs } = (await answer.json()) as { jobs: QueuedJob[] };
    const [job] = jobs;
    const runId = String(job?.workflowRunId);
    const ours = () =>
      log().filter((line) => line.runId === runId && line.jobName === job?.displayName);
    const started = () => log().filter((line) => line.event === "job_started");
    await until(() =>
      jobs.every((one) => started().some((line) => line.jobName === one.displayName)),
    );

    const runnerName = ours().find(({ event }) => event === "job_started")?.runnerName ?? "";
    expect(runnerName).toMatch(/^linux-/);
    const access = await openKubeconfigAccess(
      { clock },
      { file: join(home, "kubeconfig-east.yaml") },
    );
    const client = createKubernetesClient({ access, clock, userAgent: "test", limitMs: 5_000 });
    const where = { namespace: "runners", name: runnerName };
    expect(await client.find(pods, where)).toMatchObject({ metadata: { name: runnerName } });
    // The status is patched from the same message, a moment later.
    await until(async () => {
      const runner = await client.find<EphemeralRunner>(ephemeralRunners, where);
      return String(runner?.status?.workflowRunId) === runId;
    });
    access.close();

    const status = await runProgram("npx", ["status", "linux", "--json"], { home });
    expect(JSON.parse(status.out)).toMatchObject({
      shards: [{ shard: "shard-0", state: "alive", fence: expect.stringMatching(/:\d+$/) }],
      scaleSets: [{ name: "linux", assigned: 2, sessionAgeMs: expect.any(Number) }],
    });
    expect((await runProgram("npx", ["github", "list"], { home })).out).toContain("(by --github)");
    const kept = await runProgram("npx", ["github", "remove", service], { home });
    expect([kept.code, kept.err]).toEqual([1, expect.stringContaining("change it there")]);

    for (const { key } of jobs) {
      const url = `${control}/jobs/${key}/finish`;
      expect((await fetch(url, { method: "POST" })).status).toBeLessThan(300);
    }
    await until(() => ours().some(({ event }) => event === "job_completed"));
    const events = ours().map(({ event }) => event);
    expect(new Set(events)).toEqual(
      new Set(["webhook_matched", "job_available", "job_assigned", "job_started", "job_completed"]),
    );
    expect(events.indexOf("webhook_matched")).toBeLessThan(events.indexOf("job_started"));
    expect((await world.stop()).code).toBe(0);
  },
);
