// Why: a mutant is judged by single tests, so the runner has to know which tests ran and how each of them ended.
import { spawn } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

export interface TestResult {
  /** Path inside the tree. */
  file: string;
  /** Suites and test, joined by " > ". */
  name: string;
  passed: boolean;
  /** First line of what it said when it failed. */
  why: string | undefined;
  durationMs: number;
}

export interface TestRun {
  /** Of the tests that ran; skipped ones are left out. */
  results: TestResult[];
  output: string;
}

/** The parts of vitest's JSON report (the format is jest's) that are read here. */
interface Report {
  testResults: {
    name: string;
    assertionResults: {
      ancestorTitles: string[];
      title: string;
      status: string;
      duration?: number;
      failureMessages?: string[];
    }[];
  }[];
}

/** Runs the tests of `files` whose name contains one of `names`. */
export async function runTests(tree: string, files: string[], names: string[]): Promise<TestRun> {
  const report = join(tree, "report.json");
  rmSync(report, { force: true });
  const pattern = names.map(escapePattern).join("|");
  const vitest = join(tree, "node_modules/vitest/vitest.mjs");
  const { output } = await runNode(tree, [
    vitest,
    "run",
    ...files,
    "-t",
    pattern,
    "--reporter=json",
    `--outputFile=${report}`,
  ]);
  try {
    // Written by vitest just now.
    const { testResults } = JSON.parse(readFileSync(report, "utf8")) as Report;
    return { results: testResults.flatMap((file) => readFile(tree, file)), output };
  } catch {
    return { results: [], output };
  }
}

function readFile(tree: string, { name, assertionResults }: Report["testResults"][number]) {
  return assertionResults
    .filter(({ status }) => status === "passed" || status === "failed")
    .map((one): TestResult => ({
      file: name.slice(name.indexOf(tree) + tree.length + 1),
      name: [...one.ancestorTitles, one.title].join(" > "),
      passed: one.status === "passed",
      why: one.failureMessages?.[0]?.split("\n")[0],
      durationMs: one.duration ?? 0,
    }));
}

/** A test that hangs under a mutant has not caught it: it is ended after this. */
const limitMs = 120_000;

/** Runs a script of the tree under this Node; never rejects for what the script does. */
export function runNode(
  tree: string,
  args: string[],
): Promise<{ status: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: tree, timeout: limitMs });
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.once("error", reject);
    child.once("close", (status) => resolve({ status, output }));
  });
}

function escapePattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
