// Why: a flag that no help names does not exist for its users; one that the help names and the parser refuses is worse.
import { clusterCommand } from "@runlet/runlet/commands/cluster";
import { demoCommand } from "@runlet/runlet/commands/demo";
import { githubCommand } from "@runlet/runlet/commands/github";
import { jobCommand } from "@runlet/runlet/commands/job";
import { localCommand } from "@runlet/runlet/commands/local";
import { queueCommand } from "@runlet/runlet/commands/queue";
import { startCommand } from "@runlet/runlet/commands/start";
import { statusCommand } from "@runlet/runlet/commands/status";
import { flagNames } from "@runlet/simulators/actions-service/flags";
import { options as kubeOptions } from "@runlet/simulators/kube-api/flags";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import {
  eachOf,
  killPrograms,
  programs,
  root,
  runProgram,
  type ProgramName,
} from "./run-program.ts";

afterEach(killPrograms);

interface Help {
  program: ProgramName;
  command: string[];
  /** What the parser accepts. */
  flags: string[];
}

const helps: Help[] = [
  { program: "runlet", command: ["demo"], flags: Object.keys(demoCommand.options) },
  { program: "runlet", command: ["demo", "queue"], flags: Object.keys(queueCommand.options) },
  { program: "runlet", command: ["start"], flags: Object.keys(startCommand.options) },
  { program: "runlet", command: ["local"], flags: Object.keys(localCommand.options) },
  { program: "runlet", command: ["cluster"], flags: Object.keys(clusterCommand.options) },
  { program: "runlet", command: ["github"], flags: Object.keys(githubCommand.options) },
  { program: "runlet", command: ["job"], flags: Object.keys(jobCommand.options) },
  { program: "runlet", command: ["status"], flags: Object.keys(statusCommand.options) },
  { program: "service", command: [], flags: flagNames },
  { program: "kube", command: [], flags: Object.keys(kubeOptions) },
  { program: "seeds", command: [], flags: ["seed", "jobs", "json", "help"] },
];

it(
  "every command's --help ends with 0 and names each flag it takes, and no other",
  { timeout: 60_000 },
  async () => {
    await eachOf(helps, async ({ program, command, flags }) => {
      const { code, out, err } = await runProgram(program, [...command, "--help"]);
      expect([program, ...command, code, err]).toEqual([program, ...command, 0, ""]);
      const named = new Set([...out.matchAll(/--([a-z][a-z-]+)/g)].map(([, name = ""]) => name));
      // kubectl's own flag stands in an example.
      if (!flags.includes("kubeconfig")) named.delete("kubeconfig");
      if (program === "kube") named.add("kubeconfig");
      const takes = new Set(flags);
      const withoutHelp = (names: Iterable<string>) =>
        [...names].filter((name) => name !== "help").toSorted((a, b) => a.localeCompare(b));
      // demo's help shows its sub-command, start's points to it.
      if (command.length === 1) named.delete("scale-set");
      if (command[0] === "start") named.delete("jobs");
      expect([program, command, withoutHelp(named)]).toEqual([
        program,
        command,
        withoutHelp(takes),
      ]);
    });
  },
);

it("every program that npm runs has a help with its usage and its exit codes", async () => {
  const names = Object.keys(programs) as ProgramName[]; // its own keys
  const asked = names.filter((name) => name !== "npx" && name !== "runlet");
  await eachOf(asked, async (name) => {
    const { code, out, err } = await runProgram(name, ["--help"]);
    const has = [
      /^usage: |^ {2}npm run |^runlet-reconciler: /m.test(out),
      /Exit codes?:? /.test(out),
    ];
    expect([name, code, err, ...has]).toEqual([name, 0, "", true, true]);
  });
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    scripts: Record<string, string>;
  }; // npm's own shape
  const ours = Object.values(scripts).flatMap(
    (line) => /start\.mjs (\S+\.ts)/.exec(line)?.[1] ?? [],
  );
  expect(ours.filter((path) => !Object.values<string>(programs).includes(path))).toEqual([]);
}, 60_000);

it(
  "the list of commands ends with 0 when it was asked for, and with 2 when nothing was",
  { timeout: 60_000 },
  async () => {
    const asked = await runProgram("runlet", ["--help"]);
    expect((await runProgram("runlet", ["--version"])).out).toMatch(/^runlet \d+\.\d+\.\d+\n$/);
    const not = await runProgram("runlet", []);
    expect([asked.code, not.code]).toEqual([0, 2]);
    for (const name of ["demo", "start", "local", "cluster", "status", "job", "github"])
      expect(asked.out).toContain(`  ${name} `);
  },
);
