// A page that names a command which is not there, or a flag that is refused, costs its reader the trust in all the rest.
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { clusterCommand } from "@runlet/runlet/commands/cluster";
import { demoCommand } from "@runlet/runlet/commands/demo";
import { githubCommand } from "@runlet/runlet/commands/github";
import { jobCommand } from "@runlet/runlet/commands/job";
import { localCommand } from "@runlet/runlet/commands/local";
import { queueCommand } from "@runlet/runlet/commands/queue";
import { startCommand } from "@runlet/runlet/commands/start";
import { statusCommand } from "@runlet/runlet/commands/status";
import { expect, test } from "vitest";
import * as z from "zod";

const root = resolve(import.meta.dirname, "../..");
const commands: Record<string, { options: object }> = {
  cluster: clusterCommand,
  demo: demoCommand,
  "demo queue": queueCommand,
  github: githubCommand,
  job: jobCommand,
  local: localCommand,
  start: startCommand,
  status: statusCommand,
};

const folders = ["", "docs", "docs/runbooks", "tests", "packages"];
const pages = folders.flatMap((folder) =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith(".md"))
    .map((name) => join(folder, name)),
);

/** Commands of a page: in a block a line (with what goes on after a backslash), in a sentence what stands between marks. */
function commandsOf(text: string, start: string): string[] {
  const joined = text.replaceAll(/\\\n\s*/g, " ");
  const [blocks, prose] = [[], []] as [string[], string[]];
  joined.split(/^```.*$/m).forEach((part, at) => (at % 2 === 0 ? prose : blocks).push(part));
  const spans = prose.flatMap((part) => [...part.matchAll(/`([^`]+)`/g)].map(([, code]) => code));
  const lines = blocks.flatMap((block) => block.split("\n"));
  return [...lines, ...spans].flatMap((line = "") => {
    const found = line.replaceAll(/\s+/g, " ").split(start)[1];
    return found === undefined ? [] : [found.split(/ #| \||;|&&/)[0]?.trim() ?? ""];
  });
}

function problemOf(words: string): string | undefined {
  const [first = "", second = ""] = words.split(" ");
  const command = commands[`${first} ${second}`] ?? commands[first];
  if (!command) return `there is no command ${first}`;
  const flags = [...words.matchAll(/(?<=\s)--([a-z-]+)/g)].map(([, flag = ""]) => flag);
  const unknown = flags.filter((flag) => flag !== "help" && !(flag in command.options));
  return unknown.length > 0 ? `${first} has no flag --${unknown.join(", --")}` : undefined;
}

test("every runlet command in the pages is there, with each flag that is shown", () => {
  const seen = pages.flatMap((page) =>
    commandsOf(readFileSync(join(root, page), "utf8"), "npx runlet ").map((words) => ({
      page,
      words,
    })),
  );
  expect(seen.length).toBeGreaterThan(40);
  const wrong = seen.flatMap(({ page, words }) => {
    const problem = problemOf(words);
    return problem === undefined ? [] : [`${page}: npx runlet ${words}: ${problem}`];
  });
  expect(wrong).toEqual([]);
});

test("every npm script in the pages is there", () => {
  const { scripts } = z
    .object({ scripts: z.record(z.string(), z.string()) })
    .parse(JSON.parse(readFileSync(join(root, "package.json"), "utf8")));
  const wrong = pages.flatMap((page) =>
    commandsOf(readFileSync(join(root, page), "utf8"), "npm run ")
      .map((words) => words.split(" ")[0] ?? "")
      .filter((name) => /^[a-z]/.test(name) && !(name in scripts))
      .map((name) => `${page}: npm run ${name}`),
  );
  expect(wrong).toEqual([]);
});

test("every command of SST in the pages names its stage: without, it is the reader's own", () => {
  const seen = pages.flatMap((page) =>
    commandsOf(readFileSync(join(root, page), "utf8"), "npx sst ").map(
      (words) => `${page}: ${words}`,
    ),
  );
  expect(seen.length).toBeGreaterThan(5);
  expect(seen.filter((call) => !/ --stage \S/.test(call))).toEqual([]);
});
