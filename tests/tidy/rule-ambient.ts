// Why: time, chance, the environment and the console are outside worlds. What reaches for them by itself
// cannot be tested under a virtual clock or repeated from a seed.
import { findAll, isTest, type Finding, type SourceFile } from "./source-file.ts";

interface Ambient {
  what: string;
  shape: RegExp;
  /** Where it is allowed. */
  where: RegExp;
}

const runtime = /^packages\/runtime\//;

const ambients: Ambient[] = [
  {
    what: "reads the environment",
    shape: /\bprocess\s*\.\s*env\b/,
    where: /^packages\/runtime\/settings/,
  },
  {
    what: "reads the clock",
    shape: /\bDate\s*\.\s*now\b|\bperformance\s*\.\s*now\b/,
    where: runtime,
  },
  { what: "reads the clock", shape: /\bnew\s+Date\s*(\(\s*\)|[;,)\]])/, where: runtime },
  {
    what: "starts a timer",
    shape: /\b(setTimeout|setInterval|setImmediate)\b|\bAbortSignal\s*\.\s*timeout\b/,
    where: runtime,
  },
  {
    what: "draws chance",
    shape: /\bMath\s*\.\s*random\b|\brandomUUID\b|\brandomInt\b/,
    where: runtime,
  },
  { what: "uses the global fetch", shape: /\bglobalThis\s*\.\s*fetch\b/, where: runtime },
  {
    what: "writes to the console",
    shape: /\bconsole\s*\./,
    where: /^packages\/(runtime\/log|runlet\/commands\/)/,
  },
];

/** Outside worlds are reached through packages/runtime; tests may use them. */
export function ambientRule(file: SourceFile): Finding[] {
  if (!/^(packages|functions)\/.+\.ts$/.test(file.path) || isTest(file.path)) return [];
  const timers = findAll(
    file,
    file.code,
    /["']node:timers(\/promises)?["']/,
    () => "starts a timer",
  );
  return ambients
    .filter(({ where }) => !where.test(file.path))
    .flatMap(({ what, shape }) => findAll(file, file.bare, shape, () => what))
    .concat(runtime.test(file.path) ? [] : timers);
}
