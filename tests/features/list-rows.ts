// Why: ARC's features are several files, one a part; our own promises are one. Whoever judges them wants all rows.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseTable, type Feature } from "./parse-table.ts";

/**
 * The rows of ARC's features (`table/`, in the order of the files' names), or of the invariants and faults of
 * tests/README.md (`promises.md`). Throws for a row that cannot be read.
 */
export function listRows(root: string, which: "features" | "promises"): Feature[] {
  const folder = join("tests", "features");
  const table = join(folder, "table");
  const paths =
    which === "promises"
      ? [join(folder, "promises.md")]
      : readdirSync(join(root, table))
          .toSorted((a, b) => a.localeCompare(b))
          .map((name) => join(table, name));
  return paths.flatMap((path) => parseTable(path, readFileSync(join(root, path), "utf8")));
}
