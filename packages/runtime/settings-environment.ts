// Why: the environment is read here and nowhere else (house rule), and parsed once, with an error that
// names the variable.
import { statSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** What the Lambda Runtime API gives a container's process. */
export function readRuntimeEnvironment(env: NodeJS.ProcessEnv = process.env) {
  return {
    api: need(env, "AWS_LAMBDA_RUNTIME_API"),
    handler: need(env, "_HANDLER"),
    wallMs: () => Date.now(),
  };
}

/** The path of the file that describes this one-machine deployment (packages/runlet/local/config.ts). */
export function readLocalConfigPath(env: NodeJS.ProcessEnv = process.env): string {
  return need(env, "RUNLET_LOCAL_CONFIG");
}

/** Where a pod finds its cluster's API server (Kubernetes docs, "Accessing the API from within a Pod"). */
export function readClusterPlace(env: NodeJS.ProcessEnv = process.env) {
  return { host: need(env, "KUBERNETES_SERVICE_HOST"), port: need(env, "KUBERNETES_SERVICE_PORT") };
}

/** Where state lives: `RUNLET_HOME`, else `.runlet` in the working folder. Throws when that is a file. */
export function readHome(env: NodeJS.ProcessEnv = process.env): string {
  const home = env["RUNLET_HOME"] || ".runlet";
  if (statSync(home, { throwIfNoEntry: false })?.isDirectory() !== false) return home;
  throw new Error(`${home} is not a folder: name another one with RUNLET_HOME`);
}

/** The deployed stage that commands are about when no flag names one. */
export function readDefaultStage(env: NodeJS.ProcessEnv = process.env): string | undefined {
  return env["RUNLET_STAGE"] || undefined;
}

/** What a child process of ours inherits: enough to find programs and a home, and nothing that is secret. */
export function inheritedEnvironment(env: NodeJS.ProcessEnv = process.env): Record<string, string> {
  const kept = ["PATH", "HOME", "TMPDIR", "LANG", "NODE_OPTIONS", "NODE_EXTRA_CA_CERTS"];
  return Object.fromEntries(kept.flatMap((key) => (env[key] ? [[key, env[key]]] : [])));
}

/** What a tool that builds or installs something inherits: everything, since registries and proxies are named there. */
export function wholeEnvironment(
  change: Record<string, string> = {},
  env: NodeJS.ProcessEnv = process.env,
): NodeJS.ProcessEnv {
  return { ...env, ...change };
}

/** Where programs of others are kept once they are installed (XDG Base Directory: $XDG_CACHE_HOME, or ~/.cache). */
export function readCacheHome(env: NodeJS.ProcessEnv = process.env): string {
  return join(env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "runlet");
}

/**
 * Which of `flags` npm has kept for itself as it ran our script, with their values: `npm run demo --faults`, without `--`, makes
 * a setting of npm's of it, which a script sees as npm_config_faults (docs.npmjs.com/cli/v11/using-npm/config).
 */
export function readFlagsKeptByNpm(
  script: string,
  flags: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): { flag: string; value: string }[] {
  // Another script's settings reach the programs below it, too.
  if (env["npm_lifecycle_event"] !== script) return [];
  return flags.flatMap((flag) => {
    const value = env[`npm_config_${flag.replaceAll("-", "_")}`];
    return value ? [{ flag, value }] : [];
  });
}

/** True when output should not move the cursor. */
export function isPlainTerminal(env: NodeJS.ProcessEnv = process.env): boolean {
  return Boolean(env["CI"] || env["NO_COLOR"] || env["TERM"] === "dumb");
}

function need(env: NodeJS.ProcessEnv, name: string): string {
  const value = env[name];
  if (!value) throw new Error(`the environment variable ${name} is not set`);
  return value;
}
