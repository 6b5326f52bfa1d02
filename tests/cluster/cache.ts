// Why: the real components take minutes to build and 37 MB to download. They are kept outside the tree,
// in a folder named after what they were made from, so that a changed input makes a new one.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";

/** XDG Base Directory: $XDG_CACHE_HOME or ~/.cache. */
const cacheHome = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "runlet");

/** Says what takes long. Standard error, since standard output belongs to the tests. */
export function progress(line: string): void {
  process.stderr.write(`cluster bed: ${line}\n`);
}

/** The folder for `inputs`, if it is there. */
export function findCached(name: string, inputs: string[]): string | undefined {
  const dir = folderFor(name, inputs);
  return existsSync(dir) ? dir : undefined;
}

function folderFor(name: string, inputs: string[]): string {
  const hash = createHash("sha256").update(JSON.stringify(inputs)).digest("hex").slice(0, 16);
  return join(cacheHome, `${name}-${hash}`);
}

/**
 * The folder for `inputs`, filled by `fill` if it is not there. It appears whole or not at all: `fill`
 * works beside it, and of two at once the first to finish is kept.
 */
export async function cached(
  name: string,
  inputs: string[],
  fill: (dir: string) => Promise<void>,
): Promise<string> {
  const dir = folderFor(name, inputs);
  if (existsSync(dir)) return dir;
  const making = `${dir}.${process.pid}`;
  mkdirSync(dirname(dir), { recursive: true });
  rmSync(making, { recursive: true, force: true });
  mkdirSync(making);
  try {
    await fill(making);
    if (!existsSync(dir)) renameSync(making, dir);
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
  return dir;
}
