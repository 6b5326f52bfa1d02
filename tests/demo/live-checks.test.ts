// The checks for a real account are run here against the simulator: what has never run does not run where it matters.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createSystemClock } from "@runlet/runtime/clock";
import { createSystemRandom } from "@runlet/runtime/random";
import { listen } from "@runlet/simulators/actions-service/listen";
import { createActionsServiceSimulator } from "@runlet/simulators/actions-service/simulator";
import { afterEach, expect, it, vi } from "vitest";
import { killPrograms, newHome, runProgram, startProgram } from "./run-program.ts";

const pat = `ghp_${"d4".repeat(18)}`;
const ending: (() => unknown)[] = [];
afterEach(async () => {
  await killPrograms();
  vi.unstubAllEnvs();
  for (const end of ending.splice(0)) await end();
});

async function startGithub(assignWithoutSession = true) {
  const deps = { clock: createSystemClock(), random: createSystemRandom() };
  const knobs = { holdMs: 600, assignWithoutSession };
  const github = createActionsServiceSimulator(deps, { mode: "auto-assign", pat, knobs });
  const { url, close } = await listen(github.app, 0);
  ending.push(close, () => github.stop());
  const file = join(newHome(), "token");
  writeFileSync(file, pat);
  vi.stubEnv("RUNLET_LIVE_SCOPE", `${url}/scratch`);
  vi.stubEnv("RUNLET_LIVE_CREDENTIAL_FILE", file);
  return github;
}

it("a check names the variables that it needs, and does nothing without them", async () => {
  const { code, out, err } = await runProgram("live", ["session"]);
  expect([code, out]).toEqual([2, ""]);
  expect(err).toMatch(/^live: session needs RUNLET_LIVE_SCOPE, RUNLET_LIVE_CREDENTIAL_FILE; .*\n$/);
});

it.each(["session", "runner", "session-less", "aws", "eks", "stage"])(
  "live %s --help says what it does, without a variable",
  async (name) => {
    const { code, out } = await runProgram("live", [name, "--help"]);
    expect([code, out]).toEqual([0, expect.stringMatching(/needs, in the environment:\n {2}\w/)]);
  },
);

it.each(["session", "runner"])(
  "live %s finds on the simulator what it assumes, leaves nothing and tells no secret",
  async (name) => {
    const github = await startGithub();
    const { code, out, err } = await runProgram("live", [name]);
    expect([code, out.match(/^(?!holds).*$/gm)], err).toEqual([0, [""]]);
    expect(out.split("\n").length).toBeGreaterThan(5);
    expect(github.control.scaleSets()).toEqual([]);
    expect(github.control.sessions()).toEqual([]);
    expect(github.control.runners()).toEqual([]);
    expect(`${out}${err}`).not.toMatch(/ghp_|eyJ/);
  },
);

it("live session-less refuses a wait that is none before it makes a scale set", async () => {
  const github = await startGithub();
  vi.stubEnv("RUNLET_LIVE_WAIT_S", "5m");
  const { code, err } = await runProgram("live", ["session-less"]);
  expect([code, err]).toEqual([2, expect.stringContaining("RUNLET_LIVE_WAIT_S is 5m: give whole")]);
  expect(github.control.ledger().counts.queued + github.control.scaleSets().length).toBe(0);
});

it.each([
  { assigned: true, code: 0, verdicts: ["holds", "holds", "holds"] },
  { assigned: false, code: 1, verdicts: ["does not hold", "does not hold", "holds"] },
])(
  "live session-less tells whether a job came before the session (it does: $assigned)",
  async ({ assigned, code, verdicts }) => {
    const github = await startGithub(assigned);
    vi.stubEnv("RUNLET_LIVE_WAIT_S", assigned ? "20" : "1");
    const program = startProgram("live", ["session-less"]);
    await vi.waitFor(() => expect(program.err()).toContain("now"), { timeout: 10_000 });
    const [set] = github.control.scaleSets();
    github.control.queueJobs({ scaleSet: set?.name ?? "" });
    const ended = await program.ended;
    const found = ended.out.match(/^(holds|does not hold|open)/gm);
    expect([ended.code, found], ended.err).toEqual([code, verdicts]);
    expect(github.control.scaleSets()).toEqual([]);
  },
);
