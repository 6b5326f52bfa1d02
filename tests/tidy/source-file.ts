// Why: the tidy rules look at every file that is or could be committed, and at small made-up ones that
// show that each rule bites. Both are this.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { maskComments, maskStrings } from "./mask.ts";

export interface SourceFile {
  /** From the root, with slashes. */
  path: string;
  text: string;
  /** The text with comments blanked out; strings stand. */
  code: string;
  /** The text with comments and the insides of strings blanked out. */
  bare: string;
}

/** Something that breaks a rule. */
export interface Finding {
  path: string;
  line: number;
  what: string;
}

export function sourceFile(path: string, text: string): SourceFile {
  const script = /\.(ts|mjs)$/.test(path);
  const code = script ? maskComments(text) : text;
  return { path, text, code, bare: script ? maskStrings(code) : text };
}

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Every text file that git knows or would take. */
export function listSourceFiles(): SourceFile[] {
  const args = ["ls-files", "--cached", "--others", "--exclude-standard"];
  const paths = execFileSync("git", args, { cwd: root, encoding: "utf8" }).trim().split("\n");
  const texts = paths.filter((path) => /\.(ts|mjs|json|md|ya?ml|sh|tpl)$|^\.ci\/run$/.test(path));
  return texts.flatMap((path) => {
    const text = readIfThere(`${root}/${path}`);
    return text === undefined ? [] : [sourceFile(path, text)];
  });
}

/** A file may be listed by git and be gone from the folder. */
function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

/** Where `shape` matches `text`, as findings. */
export function findAll(
  file: SourceFile,
  text: string,
  shape: RegExp,
  say: (match: RegExpExecArray) => string,
): Finding[] {
  return [...text.matchAll(new RegExp(shape.source, `${shape.flags.replace("g", "")}g`))].map(
    (match) => ({ path: file.path, line: lineAt(text, match.index), what: say(match) }),
  );
}

export function lineAt(text: string, index: number): number {
  return text.slice(0, index).split("\n").length;
}

/** One line a finding, for a failing test's message. */
export function describeFindings(findings: Finding[]): string[] {
  return findings.map(({ path, line, what }) => `${path}:${line} ${what}`);
}

export function isTest(path: string): boolean {
  return path.startsWith("tests/") || /(\.test|-fixture)\.ts$|\/fixtures\//.test(path);
}
