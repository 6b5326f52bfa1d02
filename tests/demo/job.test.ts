// Why: "why is my job waiting?" is asked at a terminal, beside the world that runs here: as a program, with the number or
// the address of a workflow run.
import { join } from "node:path";
import { createSqliteTable } from "@runlet/coordination/sqlite-table";
import { openStateFile } from "@runlet/coordination/state-file";
import { createTimelines, type TimelineNote } from "@runlet/coordination/timelines";
import { jobCommand } from "@runlet/runlet/commands/job";
import { createSystemClock } from "@runlet/runtime/clock";
import { createSilentLog } from "@runlet/runtime/log";
import { createSystemRandom } from "@runlet/runtime/random";
import { afterEach, expect, it } from "vitest";
import { runInProcess } from "./run-in-process.ts";
import { killPrograms, newHome, runProgram } from "./run-program.ts";
import { startWorld } from "./start-world.ts";

afterEach(killPrograms);

interface QueuedJob {
  key: string;
  workflowRunId: number;
  displayName: string;
}

interface Answered {
  jobs: { name: string; answer: { state: string; words: string }; notes: { by: string }[] }[];
}

it(
  "runlet job answers from the world that npm start runs, about one that runs, one that waits and one that ended",
  { timeout: 120_000 },
  async () => {
    const home = newHome();
    const world = await startWorld(home);
    const { service, token, control } = world;
    const ask = (...args: string[]) => runProgram("npx", ["job", ...args], { home });
    /** Asks until the job is in that state; bounded by the test's own limit. */
    async function answered(run: string, state: string) {
      for (;;) {
        const { code, out } = await ask(run, "--json");
        const [job] = code === 0 ? (JSON.parse(out) as Answered).jobs : [];
        if (job?.answer.state === state) return job;
      }
    }
    const unknown = await ask("424242");
    expect([unknown.code, unknown.out]).toEqual([1, ""]);
    expect(unknown.err).toMatch(/^runlet: nothing is noted of run 424242[^\n]*\n$/);

    // The service knows the scale set, and the webhook its row, once the sweep has seen it.
    const isKnown = async () =>
      (await runProgram("npx", ["status", "linux"], { home })).out.includes("served");
    while (!(await isKnown()));
    const queue = async (count: number) => {
      const body = JSON.stringify({ scaleSet: "linux", count, durationMs: 600_000 });
      const answer = await fetch(`${control}/jobs`, { method: "POST", body });
      return ((await answer.json()) as { jobs: QueuedJob[] }).jobs;
    };
    const [job] = await queue(1);
    const run = String(job?.workflowRunId);
    const running = await answered(run, "started");
    expect(running).toMatchObject({
      name: job?.displayName,
      answer: { words: expect.stringMatching(/^started after [\d.]+ s on linux-/) },
    });
    // Beyond what the set may have.
    const jobs = await queue(60);
    const last = jobs.at(-1);
    await answered(String(last?.workflowRunId), "at-maximum");

    const address = `https://github.com/acme/shop/actions/runs/${run}/job/7`;
    const text = await ask(address, job?.displayName ?? "", "--scope", service);
    expect([text.code, text.err]).toEqual([0, ""]);
    expect(text.out).toContain(`${job?.displayName}: started\n  started after `);
    expect(text.out).toMatch(/\n {2}20\d\d-\S+Z +started +poller +linux +linux-\S+\n/);
    expect(text.out).not.toContain(token);
    const other = await ask(run, "no-such-job");
    expect([other.code, other.err]).toEqual([
      1,
      `runlet: run ${run} has no job no-such-job; it has ${job?.displayName}\n`,
    ]);

    await fetch(`${control}/jobs/${job?.key}/finish`, { method: "POST" });
    expect((await answered(run, "completed")).answer.words).toContain("completed with succeeded");
    expect((await world.stop()).code).toBe(0);
  },
);

const scope = "https://github.com/acme";

/** A state file with notes on jobs of run 7, and nothing else. */
async function noteJobs(jobs: Record<string, TimelineNote[]>): Promise<string> {
  const deps = { clock: createSystemClock(), random: createSystemRandom(), log: createSilentLog() };
  const path = join(newHome(), "s.sqlite");
  const file = await openStateFile(deps, path);
  const timelines = createTimelines({ ...deps, table: createSqliteTable(deps, file) });
  for (const [jobName, notes] of Object.entries(jobs))
    await timelines.note({ scopeKey: "github.com/acme", runId: "7", jobName }, notes);
  file.close();
  return path;
}

const assigned = { what: "assigned", by: "poller", scaleSetKey: "github.com/acme:7" } as const;
const completed = {
  what: "completed",
  by: "poller",
  detail: "succeeded",
  runnerName: "r",
} as const;

it("of a run with many jobs those that wait are told first, and no more than twenty", async () => {
  const at = Date.now() - 60_000;
  const names = Array.from({ length: 40 }, (_, index) => `build (${index})`);
  const state = await noteJobs({
    ...Object.fromEntries(names.map((name) => [name, [{ ...completed, at }]])),
    waits: [{ ...assigned, at }],
  });
  const { code, out } = await runInProcess(jobCommand, ["7", "--scope", scope, "--state", state]);
  const titles = out.split("\n").filter((line) => /^\S.*: (held-up|completed)$/.test(line));
  expect([code, titles.length]).toEqual([0, 20]);
  expect(titles.slice(0, 3)).toEqual([
    "waits: held-up",
    "build (0): completed",
    "build (1): completed",
  ]);
  expect(out).toMatch(
    /\n {2}assigned to github\.com\/acme:7 60 s ago, which is not served any more/,
  );
  expect(out).toContain("\nand 21 more: name one, or take --json\n");
  const json = await runInProcess(jobCommand, ["7", "--scope", scope, "--state", state, "--json"]);
  expect((JSON.parse(json.out) as Answered).jobs).toHaveLength(41);
  const exact = await runInProcess(jobCommand, [
    "7",
    "build (1)",
    "--scope",
    scope,
    "--state",
    state,
  ]);
  expect(exact.out.match(/^build .*$/gm)).toEqual(["build (1): completed"]);
  const part = await runInProcess(jobCommand, [
    "7",
    "BUILD (3",
    "--scope",
    scope,
    "--state",
    state,
  ]);
  expect(part.out.match(/^build /gm)).toHaveLength(11);
});

it("a job's name cannot steer the terminal of who asks about it", async () => {
  const name = "\u001B[2Jbuild\u009B\u202E\r\n: completed";
  const state = await noteJobs({ [name]: [{ ...completed, at: 0, runnerName: "\u001B]0;x" }] });
  const args = ["7", "--scope", scope, "--state", state];
  const known = await runInProcess(jobCommand, args);
  expect(known.code).toBe(0);
  expect(known.out).toContain("?[2Jbuild????: completed: completed\n");
  const unknown = await runInProcess(jobCommand, ["7", "other", ...args.slice(1)]);
  expect(unknown.code).toBe(1);
  for (const text of [known.out, unknown.err])
    expect(text.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Cf}]/u);
});

it.each([
  [[], "RUN_ID is missing; see --help"],
  [["abc"], "abc is no workflow run: give the number in its address, …/actions/runs/NUMBER"],
  [["1", "build", "x"], "x is too much; see --help"],
  [["1", "--scope", "github.com/acme"], /--scope: .* has no scheme: begin it with https:/],
  [["1", "--state", "/nowhere.sqlite"], /--state \/nowhere.sqlite: there is no such file/],
  [["12345678901234567890"], /is no workflow run/],
])("runlet job %j is a mistake in the call", async (args, line) => {
  const { code, out, err } = await runInProcess(jobCommand, args);
  expect([code, out]).toEqual([2, ""]);
  expect(err).toMatch(typeof line === "string" ? `runlet: ${line}\n` : line);
  expect(err.trimEnd()).not.toContain("\n");
});
