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

/** npm on Windows is a script, which needs a shell. */
const npmOptions = { cwd: root, shell: process.platform === "win32" };

/** One small question: without a network npm ci itself would ask and wait for many minutes. */
function registryAnswers() {
  const args = ["view", "zod", "version", "--fetch-retries=1", "--fetch-retry-mintimeout=1000"];
  return spawnSync("npm", args, { ...npmOptions, timeout: 20_000, stdio: "ignore" }).status === 0;
}

async function install() {
  const say = (text) => process.stderr.write(`runlet: ${text}\n`);
  say("installing what is missing into node_modules (npm ci, half a minute to two, once)");
  const asked = spawnSync("npm", ["config", "get", "registry"], {
    ...npmOptions,
    encoding: "utf8",
  });
  if (asked.error)
    fail(`npm cannot be started (${asked.error.message}); install npm, then try again`);
  const registry = asked.stdout.trim().replace(/\/\/[^/@]*@/, "//***@") || "its registry";
  const online = registryAnswers();
  if (!online) say(`${registry} does not answer; trying with what npm has in its cache`);
  const startedAt = performance.now();
  const progress = setInterval(() => {
    say(`npm ci is at work (${Math.round((performance.now() - startedAt) / 1000)} s)`);
  }, 10_000);
  const args = ["ci", "--no-audit", "--no-fund", ...(online ? [] : ["--offline"])];
  const npm = spawn("npm", args, { ...npmOptions, stdio: ["ignore", 2, 2] });
  const ended = await new Promise((end) => {
    npm.on("error", (error) => end(error.message));
    npm.on("exit", (code, signal) => end(code ?? signal));
  });
  clearInterval(progress);
  if (ended === 0) return;
  fail(
    online
      ? `npm ci ended with ${ended}; its message above says why`
      : `npm cannot reach ${registry} (npm config get registry), and not all is in its cache: connect this machine, ` +
          "or name a mirror (npm config set registry URL) or a proxy (npm config set proxy URL)",
  );
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
if (!installed()) await install();
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
