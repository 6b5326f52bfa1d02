// Why: poller and sweep share one client a cluster while the container is warm. Rows change meanwhile: a cluster moves to
// another place, or is removed, and then nothing may go on to hold connections to where it was.
import type { ClusterRow, Registry } from "@runlet/coordination/registry";
import {
  createKubernetesClient,
  type ClusterAccess,
  type KubernetesClient,
} from "@runlet/kubernetes/client";
import type { Clock } from "@runlet/runtime/clock";

export interface ClusterFinderDeps {
  clock: Clock;
  settings: { effectTimeoutMs: number };
  registry: Pick<Registry, "listClusters">;
  /** Undefined: it cannot be found. `close` ends its connections, if it has any of its own. */
  accessTo(cluster: ClusterRow): Promise<(ClusterAccess & { close?(): void }) | undefined>;
  userAgent: string;
}

/** Calls and watches that still go on with an old access have so long to end. */
const oldClientMs = 60_000;

interface Kept {
  accessRef: string;
  /** Which read of the rows it comes from: a later one knows better. */
  readAs: number;
  client: KubernetesClient;
  close(): void;
}

/** What the registry gives for a row that cannot be read: it says nothing about the access that is there. */
const unreadable = "";

/** Finds the client for a cluster by its row as it is now; undefined: there is no access to a cluster of that name. */
export function createClusterFinder(deps: ClusterFinderDeps) {
  const { clock, settings, userAgent } = deps;
  const kept = new Map<string, Kept>();
  let reads = 0;

  function retire(rows: readonly ClusterRow[]): void {
    for (const [name, { accessRef, close }] of kept) {
      const row = rows.find((one) => one.name === name);
      if (row?.accessRef === accessRef || row?.accessRef === unreadable) continue;
      kept.delete(name);
      clock.after(oldClientMs, close);
    }
  }

  /** Of those who opened an access at once, the one who read the row last is right; whoever read the same shares. */
  function settle(name: string, opened: Kept): KubernetesClient {
    const other = kept.get(name);
    if (other && (other.accessRef === opened.accessRef || other.readAs > opened.readAs)) {
      opened.close();
      return other.client;
    }
    kept.set(name, opened);
    if (other) clock.after(oldClientMs, other.close);
    return opened.client;
  }

  return {
    async find(name: string): Promise<KubernetesClient | undefined> {
      const rows = (await deps.registry.listClusters()).map(({ row }) => row);
      const readAs = ++reads;
      retire(rows);
      const row = rows.find((cluster) => cluster.name === name);
      if (!row || row.accessRef === unreadable) return undefined;
      const known = kept.get(name);
      if (known) return known.client;
      const access = await deps.accessTo(row);
      if (!access) return undefined;
      const limitMs = settings.effectTimeoutMs;
      const client = createKubernetesClient({ access, clock, userAgent, limitMs });
      const { accessRef } = row;
      return settle(name, { accessRef, readAs, client, close: () => access.close?.() });
    },
  };
}
