// Why: small habits that make a file easy to find and to trust.
import { findAll, type Finding, type SourceFile } from "./source-file.ts";

const configs = /(^|\/)[\w-]+\.config\.ts$/;

/** Default exports, barrels, files without a reason, tests that are switched off without one. */
export function shapeRule(file: SourceFile): Finding[] {
  if (!/\.(ts|mjs)$/.test(file.path)) return [];
  const at = (what: string): Finding => ({ path: file.path, line: 1, what });
  const config = configs.test(file.path);
  const defaults = findAll(file, file.bare, /\bexport\s+default\b|\bas\s+default\b/, () => {
    return "has a default export";
  });
  const focused = findAll(
    file,
    file.bare,
    /\b(it|test|describe)\s*\.\s*(only|todo)\b/,
    ([word]) => {
      return `${word}: a focused or empty test`;
    },
  );
  // A skip must print why: test.skipIf(condition) beside a message, never a bare skip.
  const skipped = findAll(
    file,
    file.bare,
    /\b(it|test|describe)\s*\.\s*skip\s*\(/,
    () => "skips a test",
  );
  return [
    ...(config ? [] : defaults),
    ...(/(^|\/)index\.ts$/.test(file.path) && !file.path.startsWith("stacks/")
      ? [at("is a barrel: name the file after what it exports")]
      : []),
    // A test's names say why it exists.
    ...(config || file.path.endsWith(".test.ts") || /^(#!.*\n)?\s*\/[/*]/.test(file.text)
      ? []
      : [at("does not open with why it exists")]),
    ...focused,
    ...skipped,
  ];
}
