// Why: a table of features is worth what it is held to: each row has a state, each state its proof.
import { dirname, join } from "node:path";
import { findTitles, hasTest, titlePattern } from "./find-titles.ts";
import type { Feature, NamedTest, State } from "./parse-table.ts";
import type { RunTest } from "./read-report.ts";

/** What the rows are judged by. */
export interface Evidence {
  /** The text of a file below the root, or undefined. */
  read: (path: string) => string | undefined;
  /** The headings of docs/compatibility.md, as anchors. */
  anchors: ReadonlySet<string>;
  /** The tests of a run; undefined: only that they exist is judged. */
  report: readonly RunTest[] | undefined;
  /** Is what comes later a hole? */
  all: boolean;
}

export interface Verdict {
  feature: Feature;
  /** Its own state, or that of the row it stands for. */
  state: Exclude<State, { kind: "as" }>;
  /** What is wrong with it; none: it holds. */
  problems: string[];
}

/** One verdict a row, in their order. */
export function judgeFeatures(features: readonly Feature[], evidence: Evidence): Verdict[] {
  const byId = new Map(features.map((feature) => [feature.id, feature]));
  const judgeTest = createTestJudge(evidence);
  return features.map((feature) => {
    const state = resolve(feature, byId);
    const twice = byId.get(feature.id) === feature ? [] : [`there are two rows ${feature.id}`];
    const found = problemsOf(feature.id, state);
    const { id } = feature.state.kind === "as" ? feature.state : feature;
    // What is wrong with another row is told there.
    const isTold = id !== feature.id && byId.get(id)?.state === state && found.length > 0;
    return {
      feature,
      state,
      problems: [...twice, ...(isTold ? [`as ${id}, which fails`] : found)],
    };
  });

  function problemsOf(id: string, state: Verdict["state"]): string[] {
    if (state.kind === "hole") return [`a hole: ${state.missing || "nobody has said what it is"}`];
    // What the first releases had was there before anything else: nobody can do without it.
    if (state.kind === "later" && (evidence.all || id.startsWith("B"))) {
      return [`not there yet: it comes with the ${state.part}`];
    }
    if (state.kind === "told") return judgeTold(state);
    if (state.kind !== "tested" && state.kind !== "different") return [];
    const heading =
      state.kind === "different" && !evidence.anchors.has(state.anchor)
        ? [`docs/compatibility.md has no heading #${state.anchor}`]
        : [];
    return [...heading, ...state.tests.flatMap(judgeTest)];
  }

  function judgeTold({ page, anchor }: Extract<State, { kind: "told" }>): string[] {
    const text = evidence.read(page);
    if (text === undefined) return [`there is no file ${page}`];
    return anchorsOf(text).has(anchor) ? [] : [`${page} has no heading #${anchor}`];
  }
}

function resolve({ state }: Feature, byId: ReadonlyMap<string, Feature>): Verdict["state"] {
  if (state.kind !== "as") return state;
  const other = byId.get(state.id);
  if (!other) return { kind: "hole", missing: `there is no row ${state.id}` };
  // One step is enough for a reader to follow.
  if (other.state.kind === "as") {
    return { kind: "hole", missing: `${state.id} only points on to ${other.state.id}` };
  }
  return other.state;
}

function createTestJudge({ read, report }: Evidence): (test: NamedTest) => string[] {
  const sources = new Map<string, { text: string; titles: string[] } | undefined>();
  const sourceOf = (file: string) => {
    if (!sources.has(file)) {
      const text = read(file);
      sources.set(file, text === undefined ? undefined : { text, titles: findTitles(text) });
    }
    return sources.get(file);
  };
  /** Cases may stand in a table of its own beside the test. */
  function withTables(file: string, text: string): string {
    const beside = [...text.matchAll(/ from "\.\/([\w.-]+\.ts)"/g)];
    const tables = beside.map(([, name]) => read(join(dirname(file), name ?? "")) ?? "");
    return [text, ...tables].join("\n");
  }
  return ({ file, title }) => {
    const source = sourceOf(file);
    if (!source) return [`there is no file ${file}`];
    if (!hasTest(withTables(file, source.text), source.titles, title)) {
      return [`${file} has no test ${JSON.stringify(title)}`];
    }
    return report ? judgeRun({ file, title }, report) : [];
  };
}

/** It ran, in every form it has, and passed. A suite that several files use runs in those. */
function judgeRun({ file, title }: NamedTest, report: readonly RunTest[]): string[] {
  const pattern = titlePattern(title);
  const ran = report.filter(
    (one) => (one.file === file || !file.endsWith(".test.ts")) && pattern.test(one.title),
  );
  if (ran.length === 0) return [`did not run: ${file} :: ${title}`];
  const bad = ran.filter(({ status }) => status !== "passed");
  return [...new Set(bad.map(({ status }) => `${status}: ${file} :: ${title}`))];
}

/** The anchors that GitHub gives to the headings of a Markdown text. */
export function anchorsOf(markdown: string): Set<string> {
  const headings = [...markdown.matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = ""]) => heading);
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, "")
        .trim()
        .replaceAll(" ", "-"),
    ),
  );
}
