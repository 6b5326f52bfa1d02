// Why: a function lives for hours, and what leads into a cluster (a stored kubeconfig, an EKS endpoint) may change
// meanwhile. Before each call it is seen to that the newest is used; clients and watches stay as they are.
import type { Clock } from "@runlet/runtime/clock";
import type { Log } from "@runlet/runtime/log";
import type { OpenAccess } from "./access.ts";

/** Old connections may still carry calls and watches; after so long they end, and watches go on with new ones. */
const oldAccessMs = 60_000;

/**
 * An access that is what `load` gave last. `load` is asked before each call and gives the same object while nothing has
 * changed. It must succeed once; later failures are noted, and what was good goes on.
 */
export async function createRenewedAccess(
  deps: { clock: Clock; log: Log },
  load: () => Promise<OpenAccess>,
): Promise<OpenAccess> {
  const { clock, log } = deps;
  let current = await load();
  let failing = false;

  async function renew(): Promise<OpenAccess> {
    try {
      const loaded = await load();
      if (loaded !== current) clock.after(oldAccessMs, closer(current));
      current = loaded;
      failing = false;
    } catch (error) {
      if (!failing) log.warn("cluster_access_not_renewed", { server: current.server, error });
      failing = true;
    }
    return current;
  }
  return {
    get server() {
      return current.server;
    },
    fetch: (url, init) => current.fetch(url, init),
    // The client asks for the token first, then for the address: both are of one access.
    token: async () => (await renew()).token?.(),
    close: () => current.close(),
  };
}

function closer(access: OpenAccess): () => void {
  return () => access.close();
}
