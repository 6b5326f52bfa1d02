// Why: SST's components and their types are TypeScript that its command carries inside itself and unpacks into .sst/platform,
// with packages of its own (Pulumi, its AWS provider). That takes half a minute and the npm registry, once a version.
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../../", import.meta.url));
/** Where SST looks for it, too: sst.config.ts names it. */
export const platform = join(root, ".sst/platform");

/** True when what is unpacked belongs to the SST that is installed. */
export function hasPlatform(): boolean {
  const version = join(platform, "version");
  if (!existsSync(version) || !existsSync(join(platform, "node_modules/@pulumi/aws"))) return false;
  return readFileSync(version, "utf8").trim() === installedVersion() && hasProviders();
}

/** True when they are of the versions that sst.config.ts names. */
function hasProviders(): boolean {
  const lock = join(root, ".sst/provider-lock.json");
  if (!existsSync(lock)) return false;
  const config = readFileSync(join(root, "sst.config.ts"), "utf8");
  // `as`: written by sst install.
  const locked = JSON.parse(readFileSync(lock, "utf8")) as { version: string }[];
  return locked.every(({ version }) => config.includes(`version: "${version}"`));
}

/** Unpacks and installs it unless it is there. Throws in one line when that cannot be done. */
export async function ensurePlatform(progress: (line: string) => void): Promise<void> {
  if (hasPlatform()) return;
  progress(`unpacking SST ${installedVersion()} and installing its packages (323 MB, once)`);
  const startedAt = performance.now();
  const ticks = setInterval(() => {
    progress(`sst install is at work (${Math.round((performance.now() - startedAt) / 1_000)} s)`);
  }, 10_000);
  try {
    await install();
  } finally {
    clearInterval(ticks);
  }
  if (!hasPlatform()) throw new Error(`sst install has left no platform in ${platform}`);
}

function install(): Promise<void> {
  const env = {
    ...process.env,
    // No Pulumi, no Bun, no question: nothing is deployed with it.
    SST_SKIP_DEPENDENCY_CHECK: "1",
    SST_NO_BUN: "1",
    SST_TELEMETRY_DISABLED: "1",
    SST_STAGE: "ci",
  };
  const child = spawn(join(root, "node_modules/.bin/sst"), ["install"], {
    cwd: root,
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  const hear = (chunk: Buffer) => (said = (said + String(chunk)).slice(-4_000));
  child.stdout.on("data", hear);
  child.stderr.on("data", hear);
  return new Promise((done, reject) => {
    child.on("error", (cause) => reject(new Error("cannot start sst: run npm ci", { cause })));
    child.on("close", (code) => {
      if (code === 0) done();
      else
        reject(new Error(`sst install ended with ${code} (it needs the npm registry):\n${said}`));
    });
  });
}

function installedVersion(): string {
  const manifest = createRequire(join(root, "package.json")).resolve("sst/resource");
  const folder = manifest.slice(0, manifest.lastIndexOf("/dist/"));
  // `as`: npm's own check of a package.json.
  return (JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { version: string })
    .version;
}
