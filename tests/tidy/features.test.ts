// Why: a renamed test should be told by `npm test` in the commit that did it, and not by `npm run features` some day.
// And whoever judges the table must be able to say no.
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { findTitles, hasTest, titlePattern } from "../features/find-titles.ts";
import { anchorsOf, judgeFeatures, type Evidence } from "../features/judge.ts";
import { listRows } from "../features/list-rows.ts";
import { parseTable, type Feature } from "../features/parse-table.ts";
import { readReport } from "../features/read-report.ts";

const root = resolve(import.meta.dirname, "../..");
const read = (path: string) => {
  try {
    return readFileSync(join(root, path), "utf8");
  } catch {
    return undefined;
  }
};

/** What is wrong with the rows, each with its id. */
function problemsOf(features: Feature[]): string[] {
  const anchors = anchorsOf(read("docs/compatibility.md") ?? "");
  const verdicts = judgeFeatures(features, { read, anchors, report: undefined, all: false });
  return verdicts.flatMap(({ feature, problems }) =>
    problems.map((problem) => `${feature.id}: ${problem}`),
  );
}

it("every feature of ARC has a row, and each row a test, a reason or a difference that is documented", () => {
  const features = listRows(root, "features");
  expect(problemsOf(features)).toEqual([]);
  // 55 entries of the changelog from 0.2.0 to 0.6.1, one of which names two changes.
  expect(features.filter(({ id }) => id.startsWith("B"))).toHaveLength(55);
  expect(features.length).toBeGreaterThan(440);
});

it("every difference that docs/compatibility.md tells belongs to a feature or to a field problem", () => {
  const told = anchorsOf((read("docs/compatibility.md") ?? "").replace(/^##? .*$/gm, ""));
  const rows = [...listRows(root, "features"), ...listRows(root, "promises")];
  const different = rows.flatMap(({ state }) => {
    const isTold = state.kind === "told" && state.page === "docs/compatibility.md";
    return state.kind === "different" || isTold ? [state.anchor] : [];
  });
  expect(new Set(different)).toEqual(told);
});

it("every invariant, fault, security item and field problem of tests/README.md is shown by tests, or says why not", () => {
  const promises = listRows(root, "promises");
  const told = (read("tests/README.md") ?? "").matchAll(/^\| ((?:[IFM]|SEC)\d+) \|/gm);
  // A field problem has several demands: M1.1, M1.2 …
  const shown = new Set(promises.map(({ id }) => id.replace(/\.\d+$/, "")));
  expect([...shown]).toEqual([...told].map(([, id]) => id));
  expect(problemsOf(promises)).toEqual([]);
  const counts = Map.groupBy(promises, ({ id }) => id.replace(/\d.*$/, ""));
  expect([...counts].map(([kind, rows]) => [kind, rows.length])).toEqual([
    ["I", 28],
    ["F", 70],
    ["SEC", 48],
    ["M", 102],
  ]);
});

describe("the titles of a test file", () => {
  it("are found whatever the call looks like, and not in comments or texts", () => {
    const text = `
      it("one \\"a\\"", f); test('two', g); it(\n  "three",\n  { timeout: 1 }, h);
      it.each([["(", 1]])("four %s", i); it.each\`a | b\n1 | 2\`("five $a", j);
      it.skipIf(!there)(\`six \${k}\`, l); describe("no", m); // it("no")
      const n = 'it("no")'; wait("no"); it.each(rows)("seven", o);
      it.each<[string, Omit<A, "b">]>([["(", 1]])("eight", p);
    `;
    const found = ['one "a"', "two", "three", "four %s", "five $a", "six ${k}", "seven", "eight"];
    expect(findTitles(text)).toEqual(found);
  });

  it("match what a run makes of them, and nothing else", () => {
    expect(titlePattern("one %s of $two.a, ${b}? 5%%").test("one x of y, z? 5%")).toBe(true);
    expect(titlePattern("one %s").test("two one x")).toBe(false);
    expect(titlePattern("one.").test("one!")).toBe(false);
  });

  it("may be named by one case, whose words stand in the file, or in a table beside it", () => {
    const text = 'it.each([["up"]])("moves %s", f); it("down", g)';
    const has = (title: string) => hasTest(text, findTitles(text), title);
    expect([has("moves up"), has("moves %s"), has("down")]).toEqual([true, true, true]);
    expect([has("moves left"), has("moves u"), has("moves "), has("up")]).not.toContain(true);
    const files: Record<string, string> = {
      "t/a.test.ts": 'import { rows } from "./rows.ts"; it.each(rows)("%s", f);',
      "t/rows.ts": 'export const rows = ["left"];',
    };
    const evidence = { read: (path: string) => files[path], anchors: new Set<string>() };
    const judge = (title: string) =>
      judgeFeatures(parseTable("t.md", `| M1.1 | it | tested | t/a.test.ts :: ${title} |`), {
        ...evidence,
        report: undefined,
        all: false,
      })[0]?.problems;
    expect(judge("left")).toEqual([]);
    expect(judge("right")).toHaveLength(1);
  });
});

describe("a table", () => {
  const row = (state: string, where: string) =>
    parseTable("t.md", `| A1.1 | it | ${state} | ${where} |`);

  it("has rows of each state", () => {
    expect(row("tested", "a.test.ts :: b<br>c.ts :: d")[0]?.state).toEqual({
      kind: "tested",
      tests: [
        { file: "a.test.ts", title: "b" },
        { file: "c.ts", title: "d" },
      ],
    });
    expect(row("different", "#why<br>a.test.ts :: b")[0]?.state).toEqual({
      kind: "different",
      anchor: "why",
      tests: [{ file: "a.test.ts", title: "b" }],
    });
    expect(row("nothing", "no pods")[0]?.state).toEqual({ kind: "nothing", reason: "no pods" });
    expect(row("told", "docs/runbooks/a.md#why")[0]?.state).toEqual({
      kind: "told",
      page: "docs/runbooks/a.md",
      anchor: "why",
    });
    expect(row("later", "cloud side")[0]?.state.kind).toBe("later");
    expect(row("as", "A1.2")[0]?.state).toEqual({ kind: "as", id: "A1.2" });
    expect(row("", "a fault")[0]?.state).toEqual({ kind: "hole", missing: "a fault" });
    expect(parseTable("t.md", "# A\n\n| id | feature |\n| --- | --- |\n")).toEqual([]);
  });

  it.each([
    ["tested", "somewhere"],
    ["different", "docs<br>a.test.ts :: b"],
    ["different", "#why"],
    ["nothing", ""],
    ["told", "docs/a.md"],
    ["told", "tests/README.md#why"],
    ["later", "never"],
    ["done", "a.test.ts :: b"],
    ["nothing", "a | b"],
  ])("refuses %s with %s, and says where", (state, where) => {
    expect(() => row(state, where)).toThrow(/^t\.md:1: A1\.1 /);
  });
});

describe("the judge of features", () => {
  const file = 'it("moves %s", f)';
  const judge = (lines: string, over: Partial<Evidence> = {}) =>
    judgeFeatures(parseTable("t.md", lines), {
      read: (path) => ({ "a.test.ts": file, "docs/a.md": "# Why\n" })[path],
      anchors: anchorsOf("# Why: it's so\n"),
      report: undefined,
      all: false,
      ...over,
    }).map(({ problems }) => problems.join());
  const moves = "| A1 | it | tested | a.test.ts :: moves %s |";

  it("takes what is there", () => {
    const lines = [
      moves,
      "| A2 | it | as | A1 |",
      "| A3 | it | different | #why-its-so<br>a.test.ts :: moves %s |",
      "| A4 | it | nothing | no |",
      "| A5 | it | later | cloud side |",
      "| A6 | it | told | docs/a.md#why |",
    ];
    expect(judge(lines.join("\n")).join("")).toBe("");
  });

  it.each([
    ["| A1 | it | tested | b.test.ts :: moves %s |", "no file b.test.ts"],
    ["| A1 | it | tested | a.test.ts :: moves |", 'has no test "moves"'],
    ["| A1 | it | different | #no<br>a.test.ts :: moves %s |", "no heading #no"],
    ["| A1 | it | told | docs/b.md#why |", "no file docs/b.md"],
    ["| A1 | it | told | docs/a.md#no |", "docs/a.md has no heading #no"],
    ["| A1 | it | | a fault |", "a hole: a fault"],
    ["| A1 | it | as | A9 |", "no row A9"],
    ["| A1 | it | as | A2 |\n| A2 | it | | a fault |", "as A2, which fails"],
    ["| A1 | it | as | A2 |\n| A2 | it | as | A3 |\n| A3 | it | nothing | no |", "points on to A3"],
    ["| A1 | it | nothing | no |\n| A1 | it | nothing | no |", "two rows A1"],
    ["| B1 | it | later | cloud side |", "not there yet"],
  ])("says no to %s", (lines, what) => {
    expect(judge(lines)[0]).toContain(what);
  });

  it("counts what comes later as a hole when all is asked for", () => {
    expect(judge("| A1 | it | later | cloud side |", { all: true })[0]).toContain("not there yet");
  });

  it("wants every form of a test to have run and passed, when there is a report", () => {
    const run = (...results: [string, string][]) => {
      const assertionResults = results.map(([title, status]) => ({ title, status }));
      const testResults = [{ name: `${root}/a.test.ts`, assertionResults }];
      return readReport(JSON.stringify({ testResults }), root);
    };
    const said = (...results: [string, string][]) => judge(moves, { report: run(...results) })[0];
    expect(said(["moves up", "passed"], ["moves down", "passed"])).toBe("");
    expect(said(["moves up", "passed"], ["moves down", "failed"])).toMatch(/^failed: /);
    expect(said(["moves up", "pending"])).toMatch(/^pending: /);
    expect(said(["stays", "passed"])).toMatch(/^did not run: /);
    expect(() => readReport("{}", root)).toThrow(/no report/);
  });
});
