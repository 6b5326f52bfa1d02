// Why: what is deployed is more of others' code than of ours. What may come in, and from where, is decided in a commit
// that somebody reads (SEC40, SEC41).
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import * as z from "zod";

const root = resolve(import.meta.dirname, "../..");
const read = (path: string) => readFileSync(join(root, path), "utf8");

const versions = z.record(z.string(), z.string()).default({});
const manifest = z.object({
  dependencies: versions,
  devDependencies: versions,
  optionalDependencies: versions,
  allowScripts: z.record(z.string(), z.boolean()).default({}),
});
const lock = z.object({
  packages: z.record(
    z.string(),
    z.object({
      resolved: z.string().optional(),
      link: z.boolean().default(false),
      hasInstallScript: z.boolean().default(false),
    }),
  ),
});

const folders = readdirSync(join(root, "packages"), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => `packages/${name}/package.json`);
const manifests = ["package.json", ...folders].map((path) => ({
  path,
  ...manifest.parse(JSON.parse(read(path))),
}));
const locked = Object.entries(lock.parse(JSON.parse(read("package-lock.json"))).packages);

test("the packages of ours use at most fifteen libraries, each with its reason in packages/README.md", () => {
  const used = manifests.flatMap(({ dependencies }) => Object.keys(dependencies));
  const libraries = [...new Set(used)].filter((name) => !name.startsWith("@runlet/"));
  const section = read("packages/README.md").split("## Libraries")[1]?.split("\n## ")[0] ?? "";
  const told = [...section.matchAll(/^\| `([^`]+)` \| (.{20,}) \|$/gm)].map(([, name]) => name);
  expect(new Set(told)).toEqual(new Set(libraries));
  expect(libraries.length).toBeLessThanOrEqual(15);
});

test("every library is one exact version from the registry, never a branch, an address or a folder", () => {
  const wanted = manifests.flatMap(
    ({ path, dependencies, devDependencies, optionalDependencies }) =>
      Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies })
        .filter(([name]) => !name.startsWith("@runlet/"))
        .map(([name, version]) => ({ path, name, version })),
  );
  expect(wanted.length).toBeGreaterThan(15);
  expect(wanted.filter(({ version }) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
  const strangers = locked.filter(
    ([, { resolved, link }]) => !link && /^(git|http:|file:)/.test(resolved ?? ""),
  );
  expect(strangers).toEqual([]);
  expect(locked.length).toBeGreaterThan(100);
});

test("no package runs a program when it is installed", () => {
  const [{ allowScripts } = { allowScripts: {} }] = manifests;
  const scripted = locked.filter(([, { hasInstallScript }]) => hasInstallScript);
  const names = scripted.map(([path]) => path.replace(/^.*node_modules\//, ""));
  // Denied by name: npm says so, instead of asking.
  expect(allowScripts).toEqual(
    Object.fromEntries([...new Set(names)].map((name) => [name, false])),
  );
});
