// Why: what runs in a pod is one bundled file, not the sources; so that file is what the suites start.
import { fileURLToPath } from "node:url";
import { runCommand } from "@runlet/runlet/programs/run-command";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Makes the reconciler's bundle anew; resolves to its path. */
export async function bundleReconciler(): Promise<string> {
  await runCommand({ file: "npm", args: ["run", "bundle:reconciler"], cwd: root });
  return `${root}packages/reconciler/dist/main.mjs`;
}
