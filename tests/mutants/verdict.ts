// Why: "caught" has to mean something: the named test, and no other, ran once and passed on the sound code, and once
// and failed on the changed code.
import type { Mutant } from "./mutants.ts";
import type { TestResult, TestRun } from "./run-tests.ts";

/** The text changed in one place; a string says why it cannot be. */
export function applyMutant(text: string, mutant: Mutant): { changed: string } | string {
  const times = text.split(mutant.find).length - 1;
  if (times !== 1)
    return `its text stands ${times} times in ${mutant.in}; it must stand there once`;
  return { changed: text.replace(mutant.find, () => mutant.replace) };
}

/** Undefined: the test of that mutant is fit to judge it; otherwise what is wrong. */
export function judgeSound(mutant: Mutant, sound: TestRun): string | undefined {
  const own = sound.results.filter((result) => isNamed(mutant, result));
  if (own.length !== 1) {
    const said = own.length === 0 ? `\n${sound.output.slice(-2_000)}` : "";
    return `without it, "${mutant.test}" (${mutant.file}) ran ${own.length} times, not once${said}`;
  }
  const failed = own.find(({ passed }) => !passed);
  return failed && `without it, "${mutant.test}" failed too: ${failed.why}`;
}

/** What the test said about the mutant; a string says that it did not catch it. */
export function judgeMutant(mutant: Mutant, run: TestRun): { said: string } | string {
  const [own, ...others] = run.results;
  if (!own) return `"${mutant.test}" did not run to its end\n${run.output.slice(-2_000)}`;
  if (others.length > 0 || !isNamed(mutant, own)) return `another test than "${mutant.test}" ran`;
  if (own.passed) return `"${mutant.test}" (${mutant.file}) did not see it`;
  return { said: own.why ?? "failed" };
}

function isNamed(mutant: Mutant, { file, name }: TestResult): boolean {
  return file === mutant.file && name.includes(mutant.test);
}
