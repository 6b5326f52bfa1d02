// Why: a suite is worth what it catches. Each mutant is one mistake that somebody has made in the field, as one
// textual change, and one test that must see it. A mutant whose text is not found exactly once fails (it
// has silently stopped applying), one that does not compile (any test would catch it), and one that its named test
// does not catch.
//
//   npm run mutants [-- NAME …]
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { copyTree } from "./copy-tree.ts";
import { mutants, type Mutant } from "./mutants.ts";
import { runNode, runTests } from "./run-tests.ts";
import { applyMutant, judgeMutant, judgeSound } from "./verdict.ts";

const root = resolve(import.meta.dirname, "../..");
/** Trees in which mutants are tried side by side. */
const treesCount = 2;

/** What is wrong with a mutant, by its name. */
type Troubles = Map<string, string>;

/** Each mutant as a file beside the one it changes: all of them are compiled at once. */
async function compileAll(tree: string, chosen: readonly Mutant[]): Promise<Troubles> {
  const troubles: Troubles = new Map();
  const files = chosen.flatMap((mutant, index) => {
    const applied = applyMutant(readFileSync(join(tree, mutant.in), "utf8"), mutant);
    if (typeof applied === "string") {
      troubles.set(mutant.name, applied);
      return [];
    }
    const file = mutant.in.replace(/\.ts$/, `.mutant-${index}.ts`);
    writeFileSync(join(tree, file), applied.changed);
    return [{ file, mutant }];
  });
  const tsc = join(tree, "node_modules/typescript/bin/tsc");
  // A mistake may leave something unused.
  const { status, output } = await runNode(tree, [tsc, "-p", ".", "--noUnusedLocals", "false"]);
  if (status !== 0 && !output.includes("error TS")) throw new Error(`tsc did not run\n${output}`);
  for (const { file, mutant } of files) {
    const said = output.split("\n").find((line) => line.startsWith(file));
    if (said) troubles.set(mutant.name, `it does not compile: ${said}`);
    rmSync(join(tree, file));
  }
  return troubles;
}

/** Every named test once, on the sound code. */
async function tryTests(tree: string, chosen: readonly Mutant[]): Promise<Troubles> {
  const files = [...new Set(chosen.map(({ file }) => file))];
  const sound = await runTests(tree, files, [...new Set(chosen.map(({ test }) => test))]);
  const troubles: Troubles = new Map();
  for (const mutant of chosen) {
    const trouble = judgeSound(mutant, sound);
    if (trouble) troubles.set(mutant.name, trouble);
  }
  return troubles;
}

/** Puts the mutant into the tree, runs its test and takes it out again. */
async function tryMutant(tree: string, mutant: Mutant) {
  const path = join(tree, mutant.in);
  const text = readFileSync(path, "utf8");
  const applied = applyMutant(text, mutant);
  if (typeof applied === "string") return applied;
  writeFileSync(path, applied.changed);
  try {
    return judgeMutant(mutant, await runTests(tree, [mutant.file], [mutant.test]));
  } finally {
    writeFileSync(path, text);
  }
}

function report(mutant: Mutant, verdict: { said: string } | string): void {
  const line =
    typeof verdict === "string"
      ? `MISSED  ${mutant.name}: ${verdict}`
      : `caught  ${mutant.name}\n        ${verdict.said}`;
  process.stdout.write(`${line}\n`);
}

/** Tries them in several trees at once; returns how many were caught. */
async function tryAll(trees: readonly string[], chosen: readonly Mutant[]): Promise<number> {
  const [first = ""] = trees;
  const unfit = await compileAll(first, chosen);
  for (const [name, trouble] of await tryTests(first, chosen)) {
    if (!unfit.has(name)) unfit.set(name, trouble);
  }
  const waiting = [...chosen];
  let caught = 0;
  const work = async (tree: string) => {
    for (let mutant = waiting.shift(); mutant; mutant = waiting.shift()) {
      const verdict = unfit.get(mutant.name) ?? (await tryMutant(tree, mutant));
      if (typeof verdict !== "string") caught++;
      report(mutant, verdict);
    }
  };
  await Promise.all(trees.map(work));
  return caught;
}

const help = `mutants: are chosen mistakes in the code caught by the test that is named for each?

usage: npm run mutants [-- NAME …]     (a name with spaces in quotes; without one: all)

Exit code 0 only if every one of them is caught; 2 for a name that is none.

${mutants.map(({ name }) => `  ${name}`).join("\n")}
`;

async function main(names: string[]): Promise<number> {
  if (names.includes("--help") || names.includes("-h")) {
    process.stdout.write(help);
    return 0;
  }
  const chosen = mutants.filter(({ name }) => names.length === 0 || names.includes(name));
  const unknown = names.filter((name) => !mutants.some((mutant) => mutant.name === name));
  if (unknown.length > 0) {
    process.stderr.write(`mutants: there is no mutant ${unknown.join(", ")}; --help lists them\n`);
    return 2;
  }
  const trees = Array.from({ length: treesCount }, () => copyTree(root));
  try {
    const caught = await tryAll(trees, chosen);
    process.stdout.write(`${caught} caught, ${chosen.length - caught} missed\n`);
    return caught === chosen.length ? 0 : 1;
  } finally {
    for (const tree of trees) rmSync(tree, { recursive: true, force: true });
  }
}

process.exitCode = await main(process.argv.slice(2));
