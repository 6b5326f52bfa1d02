// Why: two worlds in one folder would empty each other's state and overwrite each other's description. The first one
// locks it; the second is refused before it has touched anything. The file `pid` only tells a person who that is.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { lockFile } from "@runlet/coordination/sqlite-lock";

/** Whoever asks whether a folder is claimed has its lock for a moment. */
const glanceMs = 100;

/** Makes the folder ours (mode 0700) until the returned function is called. Throws when a living process has it. */
export function claimFolder(home: string): () => void {
  const unlock = lock(home);
  const pid = join(home, "pid");
  if (!unlock) {
    throw new Error(
      `${nameHolder(pid)} runs in ${home} already: stop it, or choose another folder with RUNLET_HOME`,
    );
  }
  writeFileSync(pid, String(process.pid), { mode: 0o600 });
  return () => {
    rmSync(pid, { force: true });
    unlock();
  };
}

/** True while a living process has the folder: what is in it is what runs. Leaves no trace. */
export function isClaimed(home: string): boolean {
  const path = join(home, "lock");
  if (!existsSync(path)) return false;
  const unlock = lockFile(path);
  unlock?.();
  return unlock === undefined;
}

function lock(home: string) {
  try {
    mkdirSync(home, { recursive: true, mode: 0o700 });
    return lockFile(join(home, "lock"), glanceMs);
  } catch (cause) {
    throw new Error(`${home} cannot be written: choose another folder with RUNLET_HOME`, { cause });
  }
}

function nameHolder(path: string): string {
  try {
    return `process ${readFileSync(path, "utf8")}`;
  } catch {
    return "another process";
  }
}
