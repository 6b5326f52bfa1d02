// Why: who may import whom is written once, in each package.json; this holds the code to it.
import { dirname, join } from "node:path/posix";
import { importsOf, packageOf, type Import } from "./imports.ts";
import { isTest, type Finding, type SourceFile } from "./source-file.ts";

/** What the rule needs to know of the manifests. */
export interface Manifests {
  /** Package folder (`packages/domain`) → names in its dependencies, and in those that it can do without (peers). */
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
    const listed = ["dependencies", "peerDependencies"].flatMap((field) => keysOf(file, field));
    packages.set(dirname(file.path), new Set(listed));
  }
  return { packages, forTests };
}

function keysOf(file: SourceFile, field: string): string[] {
  // A package.json is an object by npm's own check.
  const manifest = JSON.parse(file.text) as Record<string, Record<string, string> | undefined>;
  return Object.keys(manifest[field] ?? {});
}

/**
 * A package imports its own files, node's modules and what its package.json lists; nothing else. Entries and
 * tests stand above all packages: they may use whatever is listed somewhere, by its name.
 */
export function importRule(file: SourceFile, manifests: Manifests, paths: Set<string>): Finding[] {
  const folder = /^(packages\/[^/]+|functions|tests)\/.+\.ts$/.exec(file.path)?.[1];
  if (folder === undefined) return [];
  const listed = listedFor(file.path, folder, manifests);
  return importsOf(file).flatMap((one) => {
    const what = one.specifier.startsWith(".")
      ? checkRelative(file.path, one, folder, paths)
      : checkBare(one, listed, paths);
    return what ? [{ path: file.path, line: one.line, what }] : [];
  });
}

function listedFor(path: string, folder: string, manifests: Manifests): Set<string> {
  const { packages, forTests } = manifests;
  const tools = isTest(path) ? forTests : [];
  const own = packages.get(folder);
  if (own) return new Set([...own, ...tools]);
  const names = [...packages.keys()].map((name) => name.replace("packages/", "@runlet/"));
  const listed = [...packages.values()].flatMap((some) => [...some]);
  return new Set([...names, ...listed, ...tools]);
}

function checkRelative(path: string, one: Import, folder: string, paths: Set<string>) {
  const target = join(dirname(path), one.specifier);
  if (!target.startsWith(`${folder}/`)) return `leaves ${folder}: ${one.specifier}`;
  if (!paths.has(target)) return `there is no file ${target}`;
  return undefined;
}

function checkBare(one: Import, listed: Set<string>, paths: Set<string>) {
  const { specifier } = one;
  // The composition roots of the deployment (package.json, "imports").
  if (specifier === "#root" || specifier === "#webhook-root") return undefined;
  if (specifier.startsWith("node:")) return undefined;
  const name = packageOf(specifier);
  if (!listed.has(name)) {
    return `imports ${specifier}, which its package.json does not list`;
  }
  const ours = /^@runlet\/([^/]+)\/(.+)$/.exec(specifier);
  if (name.startsWith("@runlet/") && !paths.has(`packages/${ours?.[1]}/${ours?.[2]}.ts`)) {
    return `imports ${specifier}, and there is no such file (no extension across packages)`;
  }
  return undefined;
}
