// Why: "everything that ARC does" is a claim until each feature has a row, and each row a test that shows it, a
// difference that is documented, or a reason why there is nothing to do.
//
//   npm run features [-- --promises] [--report FILE …] [--all] [--json]
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { anchorsOf, judgeFeatures, type Verdict } from "./judge.ts";
import { listRows } from "./list-rows.ts";
import type { State } from "./parse-table.ts";
import { readReport, type RunTest } from "./read-report.ts";

const root = resolve(import.meta.dirname, "../..");

const help = `features: what ARC's runner scale sets can do, row by row, and the test that shows it here

usage: npm run features [-- --promises] [--report FILE …] [--all] [--json]

  --promises     our own invariants, faults, security items and problems of the field (tests/README.md) instead
  --report FILE  a report of a run, once or more: every named test must stand in one of them, and have passed. Such a
                 report is made by npm test -- --reporter=default --reporter=json --outputFile.json=FILE, and by
                 npm run test:cluster -- -- with the same behind it
  --all          what is to come later is a hole, too
  --json         one JSON object on the last line of standard output, and no table
  --help         this text

Exit code 0: every row has a state; its test exists (and passed), or its difference or page is in docs.
1: something is missing; each is named at the end. 2: a mistake in the call.
`;

function usage(message: string): never {
  process.stderr.write(`features: ${message}; see --help\n`);
  process.exit(2);
}

function readFlags() {
  try {
    const flag = { type: "boolean", default: false } as const;
    const { values } = parseArgs({
      options: {
        report: { type: "string", multiple: true },
        promises: flag,
        all: flag,
        json: flag,
        help: { ...flag, short: "h" },
      },
    });
    return values;
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return usage(text.split(/\.(?: |\n|$)/)[0] ?? text);
  }
}

function readReports(files: readonly string[] | undefined): RunTest[] | undefined {
  return files?.flatMap((file) => {
    try {
      return readReport(readFileSync(file, "utf8"), root);
    } catch (error) {
      return usage(`--report ${file}: ${error instanceof Error ? error.message : String(error)}`);
    }
  });
}

/** A file's text; undefined when it cannot be read. */
function readText(path: string): string | undefined {
  try {
    return readFileSync(join(root, path), "utf8");
  } catch {
    return undefined;
  }
}

function describeState(state: State): string[] {
  const tests = "tests" in state ? state.tests.map(({ file, title }) => `${file} :: ${title}`) : [];
  if (state.kind === "tested") return tests;
  if (state.kind === "different") return [`docs/compatibility.md#${state.anchor}`, ...tests];
  if (state.kind === "nothing") return [state.reason];
  if (state.kind === "told") return [`${state.page}#${state.anchor}`];
  if (state.kind === "later") return [state.part];
  return [];
}

function render({ feature, state, problems }: Verdict): string {
  const as = feature.state.kind === "as" ? ` (as ${feature.state.id})` : "";
  const passed = report && "tests" in state ? ", passed" : "";
  const lines = problems.length > 0 ? problems.map((one) => `! ${one}`) : describeState(state);
  const kind = problems.length > 0 ? state.kind : `${state.kind}${passed}`;
  const head = `${feature.id.padEnd(7)}${kind.padEnd(18)} ${feature.what}${as}`;
  return [head, ...lines.map((line) => `${" ".repeat(26)}${line}`)].join("\n");
}

/** What a person must know to read the table. */
function legend(promises: boolean): string {
  const [what, ids] = promises
    ? [
        "What Runlet promises",
        "I: an invariant; F: a fault; SEC: security; M: a problem of the field, demand by demand (tests/README.md)",
      ]
    : [
        "What ARC's runner scale sets can do, and what is so here",
        "A: the mode today; B and up: its releases, issue by issue; the parts of tests/features/table",
      ];
  return `${what}

  tested        the tests below show it
  different     on purpose: the section of docs/compatibility.md says how and why
  nothing       nothing to do, for the reason below
  told          no test can show it here; the page below says what is so
  id            ${ids}

`;
}

// Whoever looks through `head` has seen enough.
process.stdout.on("error", () => process.exit());

const flags = readFlags();
if (flags.help) {
  process.stdout.write(help);
  process.exit(0);
}
const report = readReports(flags.report);
const verdicts = judgeFeatures(listRows(root, flags.promises ? "promises" : "features"), {
  read: readText,
  anchors: anchorsOf(readText("docs/compatibility.md") ?? ""),
  report,
  all: flags.all,
});
const words: Record<string, string> = {
  nothing: "nothing to do",
  told: "told on a page",
  hole: "holes",
};
const bad = verdicts.filter(({ problems }) => problems.length > 0);
const counts = Object.fromEntries(
  ["tested", "different", "nothing", "told", "later", "hole"].map((kind) => [
    kind,
    verdicts.filter(({ state }) => state.kind === kind).length,
  ]),
);
if (flags.json) {
  const rows = verdicts.map(({ feature: { id, what }, state, problems }) => ({
    id,
    what,
    state: state.kind,
    where: describeState(state),
    problems,
  }));
  process.stdout.write(`${JSON.stringify({ counts, wrong: bad.length, rows })}\n`);
} else {
  const said = Object.entries(counts).map(([kind, count]) => `${count} ${words[kind] ?? kind}`);
  process.stdout.write(legend(flags.promises ?? false));
  process.stdout.write(`${verdicts.map(render).join("\n")}\n\n`);
  if (bad.length > 0) process.stdout.write(`what is missing:\n${bad.map(render).join("\n")}\n\n`);
  process.stdout.write(`${verdicts.length} rows: ${said.join(", ")}; ${bad.length} wrong\n`);
}
process.exitCode = bad.length === 0 ? 0 : 1;
