// Why: tests on files must leave none behind, also when they fail.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A new empty folder, and how to remove it. */
export function createScratchFolder(): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), "runlet-table-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}
