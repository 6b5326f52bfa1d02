// Why: a stranger has Node 20 and no node_modules. This starts any of our targets all the same:
// it installs what is missing, finds Node 24 (which runs the .ts files unbuilt) and hands over.
// Plain JavaScript that imports nothing of ours, since it must run before anything is installed.
//
//   node packages/start.mjs packages/runlet/main.ts demo --jobs 3
//   node packages/start.mjs vitest run
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { constants } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const nodeMajor = 24;

function fail(message) {
  process.stderr.write(`runlet: ${message}\n`);
  process.exit(1);
}

/** True when the last install is at least as new as the lock file. */
function installed() {
  const marker = join(root, "node_modules", ".package-lock.json");
  const lock = join(root, "package-lock.json");
  if (!existsSync(marker)) return false;
  if (statSync(marker).mtimeMs >= statSync(lock).mtimeMs) return true;
  // A checkout touches the lock without changing it: compare what is locked with what is there.
  const locked = JSON.parse(readFileSync(lock, "utf8")).packages;
  const there = JSON.parse(readFileSync(marker, "utf8")).packages;
  return Object.entries(there).every(([path, pkg]) => locked[path]?.version === pkg.version);
}

function install() {
  process.stderr.write("runlet: installing what is missing (npm ci, about half a minute, once)\n");
  const shell = process.platform === "win32";
  const run = spawnSync("npm", ["ci"], { cwd: root, stdio: ["ignore", 2, 2], shell });
  if (run.error)
    fail(`npm could not be started (${run.error.message}); install npm, then try again`);
  if (run.status !== 0) fail(`npm ci ended with ${run.status}; its message above says why`);
}

/** The path of a Node 24 or newer: this one, or the one that npm installed as a package. */
function findNode() {
  if (Number(process.versions.node.split(".")[0]) >= nodeMajor) return process.execPath;
  const name = `node-${process.platform}-${process.arch}`;
  const packaged = join(root, "node_modules", name, "bin", "node");
  if (existsSync(packaged)) return packaged;
  return fail(
    `needs Node ${nodeMajor} or newer; this is ${process.version} and there is no npm package ` +
      `${name}: install Node ${nodeMajor} (https://nodejs.org), then try again`,
  );
}

/** A target is one of our .ts files, or the name of an installed tool. */
function findTarget(name) {
  if (/\.(ts|mjs|js)$/.test(name)) return resolve(root, name);
  const require = createRequire(join(root, "package.json"));
  const manifest = join(root, "node_modules", name, "package.json");
  if (!existsSync(manifest)) return fail(`there is no target ${name}`);
  const bin = require(manifest).bin;
  return join(dirname(manifest), typeof bin === "string" ? bin : bin[name]);
}

const [name, ...rest] = process.argv.slice(2);
if (!name) fail("usage: node packages/start.mjs TARGET [ARGUMENT …]");
if (!installed()) install();
const node = findNode();
// npm's own tools would find the older node first.
const path = [dirname(node), join(root, "node_modules", ".bin"), process.env.PATH].join(delimiter);
const child = spawn(node, ["--disable-warning=ExperimentalWarning", findTarget(name), ...rest], {
  stdio: "inherit",
  env: { ...process.env, PATH: path },
});
// A terminal sends Ctrl-C to the whole group, a supervisor only to us: pass it on and wait.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => child.kill(signal));
}
child.on("exit", (code, signal) => process.exit(signal ? 128 + constants.signals[signal] : code));
