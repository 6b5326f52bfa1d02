// Why: what a killed program leaves in .runlet/ looks like what runs, and whoever asks "who serves what?" must not be told of
// a world that is gone. A folder's lock is never stale, so it says which of them lives.
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { UsageError } from "@runlet/runtime/flags";
import { isClaimed } from "../local/claim-folder.ts";
import { readLocalConfig, type LocalConfig } from "../local/config.ts";

/**
 * The path of the state file that `given` names (`create`: it may be new), else of the `npm start` that runs here, else of the
 * `runlet local` that runs or ran here. Throws UsageError when there is none.
 */
export function findState(home: string, given: string | undefined, create: boolean): string {
  if (given !== undefined) {
    if (create || existsSync(given)) return resolve(given);
    throw new UsageError(`--state ${given}: there is no such file; name the one of runlet local`);
  }
  const begun = existsSync(join(home, "world.json"));
  const started = join(home, "start", "state.sqlite");
  if (begun && existsSync(started) && isClaimed(dirname(started))) return resolve(started);
  const local = join(home, "local", "state.sqlite");
  if (existsSync(local)) return resolve(local);
  const what = begun
    ? `${home} holds what a killed npm start has left; npm start begins a new world`
    : `${home} holds no state`;
  throw new UsageError(
    `nothing runs here (${what}): name a place with --stage NAME or --state FILE`,
  );
}

/** What is known of a deployment on this machine. */
export interface FoundDeployment {
  /** What its functions are told; undefined: nothing has been started with this state file from here. */
  config: LocalConfig | undefined;
  /** That nothing of it runs, with what to type; undefined: it runs, or may run from elsewhere. */
  stopped: string | undefined;
}

/** `runlet local` writes its config into its own folder, wherever the state file is. */
export function findDeployment(home: string, stateFile: string): FoundDeployment {
  const local = join(home, "local");
  const folders = [dirname(stateFile), local, join(home, "start")];
  const folder = folders.find((one) => mentions(join(one, "config.json"), stateFile));
  if (folder === undefined) {
    const isLocal = dirname(stateFile) === resolve(local);
    return { config: undefined, stopped: isLocal ? describeStopped(local, "cloud") : undefined };
  }
  const config = readLocalConfig(join(folder, "config.json"));
  return { config, stopped: describeStopped(folder, config.profile) };
}

function describeStopped(folder: string, profile: LocalConfig["profile"]): string | undefined {
  if (isClaimed(folder)) return undefined;
  return profile === "demo"
    ? "nothing runs here: this is what a world has left, npm start begins a new one"
    : "nothing runs here: start it with npx runlet local, with the flags it had";
}

function mentions(path: string, stateFile: string): boolean {
  try {
    const { stateFile: named } = JSON.parse(readFileSync(path, "utf8")) as { stateFile?: string }; // compared only
    return named !== undefined && resolve(named) === stateFile;
  } catch {
    return false;
  }
}
