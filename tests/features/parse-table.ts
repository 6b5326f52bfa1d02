// Why: the table of ARC's features is read by people (in Markdown) and held to by a command; this turns the one into
// what the other can judge.

/** A test, named as `path :: title`: its file, and its title as it stands there or as one case of it is called. */
export interface NamedTest {
  file: string;
  title: string;
}

export type State =
  | { kind: "tested"; tests: NamedTest[] }
  /** Done in another way; `anchor` is a heading of docs/compatibility.md. */
  | { kind: "different"; anchor: string; tests: NamedTest[] }
  | { kind: "nothing"; reason: string }
  /** No test can show it: `page` has the heading `anchor` that says what is so. */
  | { kind: "told"; page: string; anchor: string }
  | { kind: "later"; part: string }
  /** The same feature as another row's. */
  | { kind: "as"; id: string }
  | { kind: "hole"; missing: string };

export interface Feature {
  /** A letter for the part, then ARC's own number where there is one (`B2286`: its pull request), or ours (`I1`, `F1`, `SEC1`, `M1.1`). */
  id: string;
  what: string;
  state: State;
}

/** What is not built yet, each by the name that a "later" row gives. */
const parts = ["cloud side"];

/**
 * The rows of a table file: `| id | feature | state | where |`.
 * Throws an Error that names the file and the line for a row that cannot be read.
 */
export function parseTable(file: string, text: string): Feature[] {
  return text.split("\n").flatMap((line, index) => {
    if (!/^\| (?:[A-FIM]|SEC)\d/.test(line)) return [];
    const [, id = "", what = "", kind = "", where = "", ...rest] = line
      .split("|")
      .map((cell) => cell.trim());
    const state = rest.length === 1 && what !== "" ? parseState(kind, where) : "is not four cells";
    if (typeof state === "string") throw new Error(`${file}:${index + 1}: ${id} ${state}`);
    return [{ id, what, state }];
  });
}

/** The state, or what is wrong with the two cells. */
function parseState(kind: string, where: string): State | string {
  const entries = where.split("<br>").map((entry) => entry.trim());
  const [first = "", ...others] = entries;
  if (kind === "tested") {
    const tests = entries.flatMap(parseTest);
    return tests.length === entries.length ? { kind, tests } : "names no test as path :: title";
  }
  if (kind === "different") {
    const tests = others.flatMap(parseTest);
    if (!/^#[\w-]+$/.test(first)) return "names no anchor of docs/compatibility.md as #anchor";
    if (others.length === 0 || tests.length < others.length) {
      return "names no test as path :: title after its anchor";
    }
    return { kind, anchor: first.slice(1), tests };
  }
  if (kind === "nothing") return where ? { kind, reason: where } : "says no reason";
  if (kind === "told") {
    const [, page, anchor] = /^((?:docs\/[\w/-]+|[A-Z]+)\.md)#([\w-]+)$/.exec(where) ?? [];
    return page && anchor
      ? { kind, page, anchor }
      : "names no heading of a page as docs/PAGE.md#anchor";
  }
  if (kind === "later") {
    return parts.includes(where) ? { kind, part: where } : `is later, but not in: ${parts.join()}`;
  }
  if (kind === "as") return { kind, id: where };
  if (kind === "") return { kind: "hole", missing: where };
  return `has the unknown state ${JSON.stringify(kind)}`;
}

function parseTest(entry: string): NamedTest[] {
  const [file = "", title = "", ...rest] = entry.replaceAll("\\|", "|").split(" :: ");
  return file && title && rest.length === 0 ? [{ file, title }] : [];
}
