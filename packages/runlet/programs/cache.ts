// Why: programs of others that we run against take minutes to build or tens of megabytes to download. They are kept outside
// the tree, in a folder named after what they were made from, so that a changed input makes a new one.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { readCacheHome } from "@runlet/runtime/settings-environment";

/** The folder for `inputs`, if it is there. */
export function findCached(name: string, inputs: string[]): string | undefined {
  const dir = folderFor(name, inputs);
  return existsSync(dir) ? dir : undefined;
}

function folderFor(name: string, inputs: string[]): string {
  const hash = createHash("sha256").update(JSON.stringify(inputs)).digest("hex").slice(0, 16);
  return join(readCacheHome(), `${name}-${hash}`);
}

/**
 * The folder for `inputs`, filled by `fill` if it is not there. It appears whole or not at all: `fill`
 * works beside it, and of two at once the first to finish is kept. Nothing stays of one that was interrupted.
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
  const clear = () => rmSync(making, { recursive: true, force: true });
  clear();
  mkdirSync(making);
  process.once("exit", clear);
  try {
    await fill(making);
    if (!existsSync(dir)) renameSync(making, dir);
  } finally {
    process.off("exit", clear);
    clear();
  }
  return dir;
}
