// Why: in the cloud a kubeconfig is a secret that somebody may rotate; the new one counts for the next call.
import type { Clock } from "@runlet/runtime/clock";
import type { Log } from "@runlet/runtime/log";
import { createStrictAccess, type FetchMaker, type OpenAccess } from "./access.ts";
import { createRenewedAccess } from "./renewed-access.ts";
import { parseStrictKubeconfig } from "./strict-kubeconfig.ts";

export interface StoredAccessDeps {
  clock: Clock;
  log: Log;
  createFetch?: FetchMaker;
}

/**
 * Access with the strict kubeconfig that `read` gives. Throws KubeconfigRefused, or what `read` throws; a later text that
 * is refused is noted, and the one before goes on.
 */
export function createStoredAccess(
  deps: StoredAccessDeps,
  read: () => Promise<string>,
): Promise<OpenAccess> {
  let last: { text: string; access: OpenAccess } | undefined;
  return createRenewedAccess(deps, async () => {
    const text = await read();
    if (last?.text !== text) {
      last = { text, access: createStrictAccess(deps, parseStrictKubeconfig(text)) };
    }
    return last.access;
  });
}
