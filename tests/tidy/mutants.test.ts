// Why: a mutant that no longer applies, or whose test was renamed, should be told by `npm test` in the commit that did
// it, and not minutes later by `npm run mutants`. And whoever judges mutants must be able to say no.
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { mutants, type Mutant } from "../mutants/mutants.ts";
import type { TestResult } from "../mutants/run-tests.ts";
import { applyMutant, judgeMutant, judgeSound } from "../mutants/verdict.ts";

const root = resolve(import.meta.dirname, "../..");
const read = (path: string) => readFileSync(join(root, path), "utf8");

describe("the mutants", () => {
  it("have names of their own, and each changes one place of a file that is there", () => {
    expect(new Set(mutants.map(({ name }) => name)).size).toBe(mutants.length);
    const wrong = mutants.filter((one) => typeof applyMutant(read(one.in), one) === "string");
    expect(wrong.map(({ name }) => name)).toEqual([]);
    expect(mutants.filter((one) => one.find === one.replace)).toEqual([]);
  });

  it("each name a test that stands in its file", () => {
    const wrong = mutants.filter(({ file, test }) => {
      // The suite's name has the mode in it, which the file fills in.
      const title = test.split(" > ").at(-1) ?? test;
      return !existsSync(join(root, file)) || !hasTitle(read(file), title);
    });
    expect(wrong.map(({ name }) => name)).toEqual([]);
    expect(hasTitle('it.each([])("one of them %s: moves", f)', "one of them burns")).toBe(true);
    expect(hasTitle('it.each([])("one of them %s: moves", f)', "two of them burn")).toBe(false);
  });
});

/** A title of `it.each` has its case in the place of %s: then what stands before that must fit. */
function hasTitle(text: string, title: string): boolean {
  if (text.includes(title)) return true;
  const starts = [...text.matchAll(/"([^"\n]*)%s/g)].map(([, start = ""]) => start);
  const beginnings = Array.from(title, (_, at) => title.slice(0, at)).slice(10);
  return starts.some((start) => beginnings.some((beginning) => start.endsWith(beginning)));
}

describe("the judge of mutants", () => {
  const mutant: Mutant = {
    name: "a mistake",
    in: "a.ts",
    find: "one",
    replace: "two",
    file: "a.test.ts",
    test: "sees it",
  };
  const result = (over: Partial<TestResult> = {}): TestResult => ({
    file: "a.test.ts",
    name: "suite > sees it",
    passed: true,
    why: undefined,
    durationMs: 1,
    ...over,
  });
  const run = (...results: TestResult[]) => ({ results, output: "" });

  it("refuses a text that stands nowhere or twice", () => {
    expect(applyMutant("none", { ...mutant, find: "x" })).toMatch(/0 times/);
    expect(applyMutant("one and one", mutant)).toMatch(/2 times/);
    expect(applyMutant("just one", mutant)).toEqual({ changed: "just two" });
  });

  it("wants the named test to run once and to pass without the mutant", () => {
    expect(judgeSound(mutant, run(result()))).toBeUndefined();
    expect(judgeSound(mutant, run())).toMatch(/ran 0 times/);
    expect(judgeSound(mutant, run(result(), result()))).toMatch(/ran 2 times/);
    expect(judgeSound(mutant, run(result({ file: "b.test.ts" })))).toMatch(/ran 0 times/);
    expect(judgeSound(mutant, run(result({ passed: false, why: "no" })))).toMatch(/failed too: no/);
  });

  it("wants that test, and no other, to fail with it", () => {
    const failed = result({ passed: false, why: "it was two" });
    expect(judgeMutant(mutant, run(failed))).toEqual({ said: "it was two" });
    expect(judgeMutant(mutant, run(result()))).toMatch(/did not see it/);
    expect(judgeMutant(mutant, run())).toMatch(/did not run to its end/);
    expect(judgeMutant(mutant, run({ ...failed, name: "other" }))).toMatch(/another test/);
    expect(judgeMutant(mutant, run(failed, failed))).toMatch(/another test/);
  });
});
