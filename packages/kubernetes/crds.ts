// Why: the four custom resource definitions are YAML, because a user applies them as they are; whoever
// installs them in code (simulator, tests, command line) reads the same files.
import { readdirSync, readFileSync } from "node:fs";

const folder = new URL("./crds/", import.meta.url);

/** Our CRDs as one YAML text of several documents. */
export function readCrds(): string {
  const files = readdirSync(folder).filter((file) => file.endsWith(".yaml"));
  return files
    .toSorted()
    .map((file) => readFileSync(new URL(file, folder), "utf8"))
    .join("---\n");
}
