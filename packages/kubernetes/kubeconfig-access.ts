// Why: on one machine most kubeconfigs are plain (the simulators', kind's, a service account's): those are
// read in a millisecond. Only one that needs a plug-in or files pays for the library that can do that.
import { readFile } from "node:fs/promises";
import { createStrictAccess, type AccessDeps, type OpenAccess } from "./access.ts";
import { KubeconfigRefused } from "./kubeconfig-problems.ts";
import { parseStrictKubeconfig } from "./strict-kubeconfig.ts";

export interface KubeconfigAccess extends OpenAccess {
  /** What the server's certificate is held to; undefined: the built-in roots. */
  caPem: string | undefined;
}

/** Access as kubectl would have it with this file. Throws KubeconfigRefused, or when it cannot be read. */
export async function openKubeconfigAccess(
  deps: AccessDeps,
  kubeconfig: { file: string; context?: string | undefined },
): Promise<KubeconfigAccess> {
  const { file } = kubeconfig;
  const context = kubeconfig.context === undefined ? {} : { context: kubeconfig.context };
  try {
    const config = parseStrictKubeconfig(await readFile(file, "utf8"), context);
    return { ...createStrictAccess(deps, config), caPem: config.caPem };
  } catch (error) {
    if (!(error instanceof KubeconfigRefused)) throw error;
    // A bundle may leave the library out: then only plain ones are taken, and what is not plain is said.
    const library = await import("./user-kubeconfig.ts").catch(() => undefined);
    if (!library) throw error;
    const { createUserAccess } = library;
    return createUserAccess(deps, { from: { file }, ...context });
  }
}
