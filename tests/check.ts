// Why: `npm run check` is what one runs before each commit: types, lint, format, the house rules and the
// unit tests, in under a minute (--no-tests leaves the last two out). It goes on after a failure, so that
// one run shows everything.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { listSourceFiles } from "./tidy/source-file.ts";
import { describeSizes } from "./tidy/sizes.ts";

interface Step {
  name: string;
  command: [string, ...string[]];
  /** Left out where this file is not there. */
  needs?: string;
}

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");

const steps: Step[] = [
  { name: "types", command: ["tsc", "-p", "."] },
  // Their types are SST's own, which npm run test:stacks unpacks.
  { name: "types of stacks", command: ["tsc", "-p", "stacks"], needs: ".sst/platform/config.d.ts" },
  { name: "lint", command: ["oxlint", "--type-aware", "--deny-warnings"] },
  { name: "format", command: ["oxfmt", "--check"] },
  {
    name: "tests",
    command: ["vitest", "run", "--reporter=dot", "packages", "stacks", "tests/tidy"],
  },
];

/** Runs one step to its end; its output is shown only when it fails. */
function run({ command: [tool, ...args] }: Step): Promise<{ ok: boolean; output: string }> {
  const child = spawn(join(root, "node_modules/.bin", tool), args, {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  child.stdout.on("data", (chunk) => (output += String(chunk)));
  child.stderr.on("data", (chunk) => (output += String(chunk)));
  return new Promise((end) => {
    child.on("error", (error) => end({ ok: false, output: `${tool}: ${error.message}\n` }));
    child.on("close", (code) => end({ ok: code === 0, output }));
  });
}

async function check(chosen: Step[]): Promise<boolean> {
  const started = performance.now();
  let good = true;
  for (const step of chosen) {
    if (step.needs !== undefined && !existsSync(join(root, step.needs))) {
      process.stdout.write(`-      ${step.name}: left out, there is no ${step.needs}\n`);
      continue;
    }
    const from = performance.now();
    const { ok, output } = await run(step);
    good &&= ok;
    process.stdout.write(`${ok ? "ok    " : "FAILED"} ${step.name} (${seconds(from)})\n`);
    if (!ok) process.stdout.write(output);
    else if (step.name === "tests") process.stdout.write(summary(output));
  }
  process.stdout.write(`${describeSizes(listSourceFiles())}\n`);
  process.stdout.write(`${good ? "all good" : "NOT good"} after ${seconds(started)}\n`);
  return good;
}

/** Vitest's own two lines of totals. */
function summary(output: string): string {
  const lines = stripVTControlCharacters(output)
    .split("\n")
    .filter((line) => /^\s*(Test Files|Tests)\s/.test(line));
  return lines.map((line) => `       ${line.trim()}\n`).join("");
}

function seconds(from: number): string {
  return `${((performance.now() - from) / 1000).toFixed(1)} s`;
}

const help = `check: types, lint, format, the house rules and the unit tests, in about a minute

usage: npm run check [-- --no-tests]

  --no-tests  leave out the last two
  --help      this text

Exit code 0 only if all is good; 2 for a mistake in the call. "npm run format" mends the format.
`;

async function main([flag, ...more]: string[]): Promise<number> {
  if (flag === "--help" || flag === "-h") {
    process.stdout.write(help);
    return 0;
  }
  if (more.length > 0 || (flag !== undefined && flag !== "--no-tests")) {
    process.stderr.write("check: the only flag is --no-tests; see --help\n");
    return 2;
  }
  const chosen = steps.filter(({ name }) => name !== "tests" || flag === undefined);
  return (await check(chosen)) ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
