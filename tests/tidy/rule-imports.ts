// Why: who may import whom is written once, in each package.json; this holds the code to it.
import { dirname, join } from "node:path/posix";
import { importsOf, packageOf, type Import } from "./imports.ts";
import { isTest, type Finding, type SourceFile } from "./source-file.ts";

/** What the rule needs to know of the manifests. */
export interface Manifests {
  /** Package folder (`packages/domain`) → names in its dependencies. */
  packages: Map<string, Set<string>>;
  /** The root's devDependencies: what tests may use anywhere. */
  forTests: Set<string>;
}

/** Reads the manifests out of the files. */
export function manifestsOf(files: SourceFile[]): Manifests {
  const packages = new Map<string, Set<string>>();
  let forTests = new Set<string>();
  for (const file of files) {
    if (file.path === "package.json") forTests = new Set(keysOf(file, "devDependencies"));
    if (!/^packages\/[^/]+\/package\.json$/.test(file.path)) continue;
    packages.set(dirname(file.path), new Set(keysOf(file, "dependencies")));
  }
  return { packages, forTests };
}

function keysOf(file: SourceFile, field: string): string[] {
  // A package.json is an object by npm's own check.
  const manifest = JSON.parse(file.text) as Record<string, Record<string, string> | undefined>;
  return Object.keys(manifest[field] ?? {});
}

/** A package imports its own files, node's modules and what its package.json lists; nothing else. */
export function importRule(file: SourceFile, manifests: Manifests, paths: Set<string>): Finding[] {
  if (!/^packages\/[^/]+\/.+\.ts$/.test(file.path)) return [];
  const folder = file.path.split("/").slice(0, 2).join("/");
  const listed = manifests.packages.get(folder) ?? new Set<string>();
  return importsOf(file).flatMap((one) => {
    const what = one.specifier.startsWith(".")
      ? checkRelative(file.path, one, folder, paths)
      : checkBare(one, listed, isTest(file.path) ? manifests.forTests : new Set(), paths);
    return what ? [{ path: file.path, line: one.line, what }] : [];
  });
}

function checkRelative(path: string, one: Import, folder: string, paths: Set<string>) {
  const target = join(dirname(path), one.specifier);
  if (!target.startsWith(`${folder}/`)) return `leaves its package: ${one.specifier}`;
  if (!paths.has(target)) return `there is no file ${target}`;
  return undefined;
}

function checkBare(one: Import, listed: Set<string>, forTests: Set<string>, paths: Set<string>) {
  const { specifier } = one;
  if (specifier.startsWith("node:")) return undefined;
  const name = packageOf(specifier);
  if (!listed.has(name) && !forTests.has(name)) {
    return `imports ${specifier}, which its package.json does not list`;
  }
  const ours = /^@runlet\/([^/]+)\/(.+)$/.exec(specifier);
  if (name.startsWith("@runlet/") && !paths.has(`packages/${ours?.[1]}/${ours?.[2]}.ts`)) {
    return `imports ${specifier}, and there is no such file (no extension across packages)`;
  }
  return undefined;
}
