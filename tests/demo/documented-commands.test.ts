// Why: what a page tells to type must run. Each `npx runlet …` of the pages and runbooks is run here, against a cluster and a
// GitHub that answer, with files in place of the page's FILEs. What it finds does not matter; that it is a mistake in the call does.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { githubCommand } from "@runlet/runlet/commands/github";
import { jobCommand } from "@runlet/runlet/commands/job";
import { statusCommand } from "@runlet/runlet/commands/status";
import { clusterCommand } from "@runlet/runlet/commands/cluster";
import { createSystemClock } from "@runlet/runtime/clock";
import { createSystemRandom } from "@runlet/runtime/random";
import { listen } from "@runlet/simulators/actions-service/listen";
import { createActionsServiceSimulator } from "@runlet/simulators/actions-service/simulator";
import { afterAll, beforeAll, expect, it } from "vitest";
import { closeAll, startClusterBed } from "./cluster-bed.ts";
import { runInProcess } from "./run-in-process.ts";
import { root } from "./run-program.ts";

const pat = `ghp_${"a1".repeat(18)}`;
const commands = {
  cluster: clusterCommand,
  github: githubCommand,
  job: jobCommand,
  status: statusCommand,
};

/** Every call of these commands in README and docs, one line each, without what a shell does with it. */
function listCalls(): string[] {
  const pages = ["docs", "docs/runbooks"].flatMap((folder) =>
    readdirSync(join(root, folder)).map((name) => join(folder, name)),
  );
  const texts = ["README.md", ...pages.filter((path) => path.endsWith(".md"))].map((path) =>
    readFileSync(join(root, path), "utf8").replaceAll(/\\\n\s*/g, ""),
  );
  const calls = texts.flatMap(
    (text) => text.match(/npx runlet (?:cluster|github|job|status)[^`\n]*/g) ?? [],
  );
  return (
    [...new Set(calls.map((call) => call.replace(/\s*(?:[#|;&<>].*)?$/, "").trim()))]
      // The command alone, or with an ellipsis, is no call.
      .filter((call) => !/^npx runlet (?:cluster|github)$|…/.test(call))
      .toSorted()
  );
}

let close: () => unknown;
let words: (call: string) => string[];
beforeAll(async () => {
  const bed = await startClusterBed();
  const clock = createSystemClock();
  const service = createActionsServiceSimulator(
    { clock, random: createSystemRandom() },
    { mode: "acquire", pat },
  );
  const served = await listen(service.app, 0);
  close = async () => {
    await served.close();
    service.stop();
    await closeAll();
  };
  await bed.grant();
  await bed.run("add", "east", "--kubeconfig", bed.east);
  const file = (name: string, text: string) => {
    writeFileSync(join(bed.home, name), text);
    return join(bed.home, name);
  };
  const state = join(bed.home, "state", "s.sqlite");
  const scope = `${served.url}/acme`;
  await runInProcess(githubCommand, [
    "add",
    scope,
    "--token-file",
    file("t", pat),
    "--state",
    state,
  ]);
  const files: Record<string, string> = {
    "--token-file": file("token", pat),
    "--webhook-secret-file": file("hook", "secret"),
    "--write": join(bed.home, "written.yaml"),
  };
  words = (call) => {
    const plain = call.replaceAll(/[[\]]/g, "").split(/\s+/).slice(2);
    const isGrant = plain.includes("--apply");
    const given = plain.flatMap((word, at) => {
      const before = plain[at - 1] ?? "";
      if (word === "--stage" || before === "--stage") return [];
      if (before === "--kubeconfig") return isGrant ? bed.admin : bed.east;
      if (before === "--webhook-url") return "http://127.0.0.1:9/webhook";
      if (files[before] !== undefined) return files[before];
      if (word === "NAME" || word === "east") return "east";
      if (word === "RUN_ID") return "4711";
      return word === "SCOPE_URL" || word.startsWith("https://github.com/") ? scope : word;
    });
    return [...given, "--state", state];
  };
});
afterAll(() => close());

/** What is right on a stage, or at a terminal. */
const elsewhere = /add --yes|--eks needs a deployed stage|keeps no webhook secret/;

it.each(listCalls())("%s", { timeout: 60_000 }, async (call) => {
  const [name = "", ...args] = words(call);
  const command = commands[name as keyof typeof commands]; // listCalls finds these only
  const { code, err } = await runInProcess(command, args);
  if (code === 2) expect(err).toMatch(elsewhere);
});

it("pages and runbooks tell of more than twenty calls", () => {
  expect(listCalls().length).toBeGreaterThan(20);
});
