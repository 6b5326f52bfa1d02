// Why: the table is several files, one a part; whoever judges it wants all of it.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseTable, type Feature } from "./parse-table.ts";

/** Every row of `tests/features/table`, in the order of the files' names; throws for one that cannot be read. */
export function listFeatures(root: string): Feature[] {
  const folder = join("tests", "features", "table");
  return readdirSync(join(root, folder))
    .toSorted((a, b) => a.localeCompare(b))
    .flatMap((name) => {
      const path = join(folder, name);
      return parseTable(path, readFileSync(join(root, path), "utf8"));
    });
}
