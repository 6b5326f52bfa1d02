// Why: two worlds in one folder would empty each other's state and overwrite each other's description. The first one
// says that it is there; the second is refused before it has touched anything.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Makes the folder ours (mode 0700) until the returned function is called. Throws when a living process has it. */
export function claimFolder(home: string): () => void {
  const path = join(home, "pid");
  const holder = readPid(path);
  if (holder !== undefined && holder !== process.pid && isAlive(holder)) {
    throw new Error(
      `process ${holder} runs in ${home} already: stop it, or choose another folder with RUNLET_HOME ` +
        `(if that process is something else, remove ${path})`,
    );
  }
  mkdirSync(home, { recursive: true, mode: 0o700 });
  writeFileSync(path, String(process.pid), { mode: 0o600 });
  return () => rmSync(path, { force: true });
}

function readPid(path: string): number | undefined {
  try {
    return Number(readFileSync(path, "utf8")) || undefined;
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
