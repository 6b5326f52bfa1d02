// Why: names of runners must differ between clusters (names.ts), and nothing but the uid of an object tells clusters
// apart. Where the whole cluster may be read that is kube-system's; with named namespaces each has its own, so that
// none depends on another, or on the order in which they are named.
import { KubernetesError, type KubernetesClient } from "@runlet/kubernetes/client";
import { namespaces as namespaceKind } from "@runlet/kubernetes/resources";
import { backoffMs } from "@runlet/runtime/backoff";
import type { Clock } from "@runlet/runtime/clock";
import type { Log } from "@runlet/runtime/log";
import type { Random } from "@runlet/runtime/random";

interface Deps {
  client: KubernetesClient;
  clock: Clock;
  random: Random;
  log: Log;
}

const startBackoff = { baseMs: 500, capMs: 15_000 };

/**
 * Reads kube-system's uid at once and waits for a cluster that does not answer yet; a refusal rejects. With
 * `namespaces` the uid of each is read when it is needed, and what is refused rejects then.
 */
export async function createClusterIds(
  deps: Deps,
  options: { namespaces?: readonly string[]; clusterId?: string },
  signal: AbortSignal,
): Promise<(namespace: string) => Promise<string>> {
  if (options.namespaces && options.clusterId === undefined) {
    const known = new Map<string, string>();
    return async (namespace) => {
      const id = known.get(namespace) ?? (await readUid(deps.client, namespace, signal));
      known.set(namespace, id);
      return id;
    };
  }
  const id = options.clusterId ?? (await waitForUid(deps, "kube-system", signal));
  return async () => id;
}

async function waitForUid(deps: Deps, name: string, signal: AbortSignal): Promise<string> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await readUid(deps.client, name, signal);
    } catch (error) {
      const passes = error instanceof KubernetesError && isPassing(error.status);
      if (!passes || signal.aborted) throw error;
      deps.log.warn("cluster_not_ready", { attempt, error });
      await deps.clock.sleep(backoffMs(deps.random, startBackoff, attempt), signal);
    }
  }
}

/** A Role may let a namespace be read from within. */
async function readUid(client: KubernetesClient, name: string, signal: AbortSignal) {
  const found = await client.find(namespaceKind, { name }, { signal });
  if (found?.metadata.uid === undefined) throw new Error(`namespace ${name} does not exist`);
  return found.metadata.uid;
}

/** All but "you are nobody" and "you may not". */
function isPassing(status: number): boolean {
  return status !== 401 && status !== 403;
}
