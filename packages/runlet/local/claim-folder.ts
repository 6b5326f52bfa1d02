// Why: two worlds in one folder would empty each other's state and overwrite each other's description. The first one
// locks it; the second is refused before it has touched anything. The lock is SQLite's, as those of the state are: it
// ends with the process however that ends, so nothing is ever stale, and of two at once exactly one gets it. The file
// beside it only tells a person who that is.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/** Makes the folder ours (mode 0700) until the returned function is called. Throws when a living process has it. */
export function claimFolder(home: string): () => void {
  const lock = openLock(home);
  const pid = join(home, "pid");
  try {
    lock.exec("BEGIN EXCLUSIVE");
  } catch {
    lock.close();
    throw new Error(
      `${nameHolder(pid)} runs in ${home} already: stop it, or choose another folder with RUNLET_HOME`,
    );
  }
  writeFileSync(pid, String(process.pid), { mode: 0o600 });
  return () => {
    rmSync(pid, { force: true });
    lock.close();
  };
}

function openLock(home: string): DatabaseSync {
  try {
    mkdirSync(home, { recursive: true, mode: 0o700 });
    return new DatabaseSync(join(home, "lock"), { timeout: 0 });
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
