// Why: a decision takes values and returns a plan. It can be tested by the thousand and read alone, as
// long as nothing in it waits, looks at a clock or writes a log, however far down.
import { dirname, join } from "node:path/posix";
import { importsOf, type Import } from "./imports.ts";
import { findAll, isTest, type Finding, type SourceFile } from "./source-file.ts";

const decisionName = /^packages\/(domain\/|.*\/(decide|plan)-[^/]*$)/;

/**
 * All of domain, and files named decide-… and plan-…, import types and pure files only: each other, and
 * tables of names or small functions that obey the same rule.
 */
export function pureRule(file: SourceFile, files: SourceFile[]): Finding[] {
  if (!file.path.endsWith(".ts") || isTest(file.path) || !decisionName.test(file.path)) return [];
  return impurities(file, files, new Set([file.path]));
}

function impurities(file: SourceFile, files: SourceFile[], seen: Set<string>): Finding[] {
  const waits = findAll(file, file.bare, /\b(await|async|Promise)\b/, ([word]) => `uses ${word}`);
  const outside = findAll(file, file.code, /["'][^"']*\/(clock|log)(\.ts)?["']/, ([name]) => {
    return `is a decision and knows ${name}`;
  });
  const imports = importsOf(file)
    .filter((one) => !one.typeOnly && !isPureImport(file.path, one, files, seen))
    .map(({ line, specifier }) => {
      return { path: file.path, line, what: `takes a value from ${specifier}, which is not pure` };
    });
  return [...waits, ...outside, ...imports];
}

function isPureImport(from: string, one: Import, files: SourceFile[], seen: Set<string>): boolean {
  const path = resolve(from, one.specifier);
  const target = files.find((file) => file.path === path);
  if (!target) return false;
  // A circle is judged where it was entered.
  if (seen.has(target.path)) return true;
  return impurities(target, files, new Set([...seen, target.path])).length === 0;
}

function resolve(from: string, specifier: string): string | undefined {
  if (specifier.startsWith(".")) return join(dirname(from), specifier);
  const ours = /^@runlet\/(.+)$/.exec(specifier);
  return ours ? `packages/${ours[1]}.ts` : undefined;
}
