// Why: mutants are tried in a copy, so that a run that is killed half-way leaves no mistake in the checkout.
import { cpSync, mkdirSync, mkdtempSync, readdirSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const parts = ["packages", "functions", "tests", "package.json", "vitest.config.ts"];

/** A copy of the tree whose @runlet packages are the copy's own; all other modules are linked. */
export function copyTree(root: string): string {
  const copy = mkdtempSync(join(tmpdir(), "runlet-mutants-"));
  for (const part of [...parts, "tsconfig.json"]) {
    cpSync(join(root, part), join(copy, part), { recursive: true });
  }
  mkdirSync(join(copy, "node_modules", "@runlet"), { recursive: true });
  for (const entry of readdirSync(join(root, "node_modules"))) {
    if (entry === "@runlet" || entry.startsWith(".vite")) continue;
    symlinkSync(join(root, "node_modules", entry), join(copy, "node_modules", entry));
  }
  for (const name of readdirSync(join(copy, "packages"), { withFileTypes: true })) {
    if (!name.isDirectory()) continue;
    symlinkSync(join("../../packages", name.name), join(copy, "node_modules/@runlet", name.name));
  }
  return copy;
}
