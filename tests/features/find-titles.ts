// Why: a table that names a test which was renamed or removed proves nothing. The titles are read from the source, so that
// this takes no run: TypeScript 7 has no parser for JavaScript callers, and a small scanner is enough.
import { maskComments, maskStrings } from "../tidy/mask.ts";

const call = /\b(?:it|test)\b((?:\.\w+)*)/g;

/** The titles of the tests in a source file, as they stand there (`%s`, `$name` and `${…}` unfilled). */
export function findTitles(text: string): string[] {
  const plain = maskComments(text);
  const bare = maskStrings(plain);
  return [...bare.matchAll(call)].flatMap((match) => {
    let at = match.index + match[0].length;
    // it.each<…>([…])("…"): the title stands in the second pair of brackets.
    if (plain[at] === "<") at = afterBracket(bare, at, "<>");
    const curried = /\.(each|for|skipIf|runIf)\b/.test(match[1] ?? "") && plain[at] === "(";
    if (curried) at = afterBracket(bare, at, "()");
    else if (plain[at] === "`") at += /^\s*/.exec(bare.slice(at))?.[0].length ?? 0;
    const literal = /^\(\s*(["'`])((?:\\.|(?!\1)[^\\])*)\1/s.exec(plain.slice(at));
    return literal ? [(literal[2] ?? "").replace(/\\(.)/g, "$1")] : [];
  });
}

/** The index after the bracket that closes the one at `from`. */
function afterBracket(bare: string, from: number, [open, close]: string): number {
  let depth = 0;
  for (let at = from; at < bare.length; at++) {
    if (bare[at] === open) depth++;
    if (bare[at] === close && --depth === 0) return at + 1;
  }
  return bare.length;
}

/** Matches the titles that a run makes of one in the source: each placeholder may be any text, which is captured. */
export function titlePattern(title: string): RegExp {
  const literals = title.split(/%[sdifjoOc#$]|\$\{[^}]*\}|\$\w+(?:\.\w+)*/);
  const escaped = literals.map((part) =>
    part.replaceAll("%%", "%").replace(/[$()*+.?[\\\]^{|}]/g, "\\$&"),
  );
  return new RegExp(`^${escaped.join("(.*)")}$`, "s");
}

/** Has the source this test: its title as it stands there, or one case of it, whose words then stand there too? */
export function hasTest(text: string, titles: readonly string[], title: string): boolean {
  if (titles.includes(title)) return true;
  return titles.some((one) => {
    const [, ...filled] = titlePattern(one).exec(title) ?? [];
    return filled.length > 0 && filled.every((words) => isValue(text, words));
  });
}

/** A text of its own in the source, or a number, or what `%j` makes of a text. */
function isValue(text: string, words: string): boolean {
  if (/^(\d+|".+")$/.test(words)) return text.includes(words);
  return words !== "" && ['"', "'", "`"].some((quote) => text.includes(quote + words + quote));
}
