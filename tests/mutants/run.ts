// Why: a suite is worth what it catches. Each mutant is one mistake that somebody has made in the field, as one
// textual change, and one test that must see it. A mutant whose text is not found exactly once fails (it
// has silently stopped applying), and so does one that its named test does not catch.
//
//   npm run mutants [-- NAME …]
import { spawnSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { mutants, type Mutant } from "./mutants.ts";

const root = resolve(import.meta.dirname, "../..");

/** A copy of the tree whose @runlet packages are the copy's own; everything else is linked. */
function copyTree(): string {
  const copy = mkdtempSync(join(tmpdir(), "runlet-mutants-"));
  for (const part of [
    "packages",
    "functions",
    "tests",
    "package.json",
    "vitest.config.ts",
    "tsconfig.json",
  ]) {
    cpSync(join(root, part), join(copy, part), { recursive: true });
  }
  mkdirSync(join(copy, "node_modules", "@runlet"), { recursive: true });
  for (const entry of readdirSync(join(root, "node_modules"))) {
    if (entry === "@runlet" || entry.startsWith(".vite")) continue;
    symlinkSync(join(root, "node_modules", entry), join(copy, "node_modules", entry));
  }
  for (const name of readdirSync(join(copy, "packages"), { withFileTypes: true })) {
    if (!name.isDirectory()) continue;
    symlinkSync(join("../../packages", name.name), join(copy, "node_modules/@runlet", name.name));
  }
  return copy;
}

interface TestRun {
  ran: number;
  failed: string[];
  output: string;
}

/** Runs the one test of the one file and says what happened to it. */
function runTest(tree: string, mutant: Pick<Mutant, "file" | "test">): TestRun {
  const report = join(tree, "report.json");
  rmSync(report, { force: true });
  const args = [
    "run",
    mutant.file,
    "-t",
    escapePattern(mutant.test),
    "--reporter=json",
    `--outputFile=${report}`,
  ];
  const vitest = join(tree, "node_modules/vitest/vitest.mjs");
  const run = spawnSync(process.execPath, [vitest, ...args], {
    cwd: tree,
    encoding: "utf8",
    timeout: 180_000,
  });
  const output = `${run.stdout}${run.stderr}`;
  try {
    const { testResults } = JSON.parse(readFileSync(report, "utf8")) as {
      testResults: { assertionResults: { fullName: string; status: string }[] }[];
    }; // vitest's json reporter, jest's format
    const results = testResults
      .flatMap(({ assertionResults }) => assertionResults)
      .filter(({ status }) => status === "passed" || status === "failed");
    const failed = results
      .filter(({ status }) => status === "failed")
      .map(({ fullName }) => fullName);
    return { ran: results.length, failed, output };
  } catch {
    return { ran: 0, failed: [], output };
  }
}

function escapePattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

/** Undefined when the mutant was caught as it should be; otherwise what is wrong. */
function judge(tree: string, mutant: Mutant): string | undefined {
  const path = join(tree, mutant.in);
  const text = readFileSync(path, "utf8");
  const times = text.split(mutant.find).length - 1;
  if (times !== 1)
    return `its text stands ${times} times in ${mutant.in}; it must stand there once`;
  writeFileSync(
    path,
    text.replace(mutant.find, () => mutant.replace),
  );
  try {
    const run = runTest(tree, mutant);
    if (run.ran === 0) return `the test "${mutant.test}" did not run\n${run.output.slice(-2_000)}`;
    return run.failed.length > 0 ? undefined : `"${mutant.test}" (${mutant.file}) did not see it`;
  } finally {
    writeFileSync(path, text);
  }
}

function main(names: string[]): number {
  const chosen = mutants.filter(({ name }) => names.length === 0 || names.includes(name));
  const unknown = names.filter((name) => !mutants.some((mutant) => mutant.name === name));
  if (unknown.length > 0) {
    process.stderr.write(`mutants: there is no mutant ${unknown.join(", ")}\n`);
    return 2;
  }
  const tree = copyTree();
  let missed = 0;
  try {
    for (const mutant of chosen) {
      const sound = runTest(tree, mutant);
      const trouble =
        sound.ran === 1 && sound.failed.length === 0
          ? judge(tree, mutant)
          : `without it, "${mutant.test}" ran ${sound.ran} times and failed ${sound.failed.length}\n${sound.output.slice(-2_000)}`;
      if (trouble) missed++;
      process.stdout.write(
        `${trouble ? "MISSED" : "caught"}  ${mutant.name}${trouble ? `: ${trouble}` : ""}\n`,
      );
    }
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
  process.stdout.write(`${chosen.length - missed} caught, ${missed} missed\n`);
  return missed === 0 ? 0 : 1;
}

process.exitCode = main(process.argv.slice(2));
