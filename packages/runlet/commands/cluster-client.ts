// Why: every verb about a cluster finds its row and opens its API the same way, and says the same when it is not there.
import type { ClusterRow, Registry } from "@runlet/coordination/registry";
import type { OpenAccess } from "@runlet/kubernetes/access";
import { createKubernetesClient, type KubernetesClient } from "@runlet/kubernetes/client";
import { quote, UsageError } from "@runlet/runtime/flags";
import type { Place } from "./place.ts";
import { listOf, type Values } from "./verbs.ts";

/** A person waits: a cluster that takes longer is as good as silent. */
export const callLimitMs = 10_000;

/** Throws with the names that there are. */
export async function getCluster(
  registry: Registry,
  name: string | undefined,
): Promise<{ row: ClusterRow; version: string }> {
  const rows = await registry.listClusters();
  const found = rows.find(({ row }) => row.name === name);
  if (found) return found;
  const names = rows.map(({ row }) => row.name).join(", ");
  throw new Error(
    `there is no cluster ${name}; ${names ? `there are ${names}` : "none is registered"}`,
  );
}

/** A client over `access`. */
export function clientOf({ clock }: Pick<Place, "clock">, access: OpenAccess): KubernetesClient {
  return createKubernetesClient({ access, clock, userAgent: "runlet", limitMs: callLimitMs });
}

/** Runs `use` with a registered cluster's API and closes it. Throws when there is no way in. */
export async function withCluster<T>(
  place: Pick<Place, "clock" | "label" | "accessTo">,
  row: Pick<ClusterRow, "name" | "accessRef">,
  use: (client: KubernetesClient, access: OpenAccess) => Promise<T>,
): Promise<T> {
  const access = await place.accessTo(row);
  if (!access) {
    throw new Error(
      `no access to cluster ${row.name} is found in ${place.label}: runlet cluster rotate ${row.name}`,
    );
  }
  try {
    return await use(clientOf(place, access), access);
  } finally {
    access.close();
  }
}

/** A name that can stand in a row's key, a secret's name and a flag. Throws UsageError. */
export function checkClusterName(name: string | undefined): string {
  if (name !== undefined && /^[a-z0-9][a-z0-9-]{0,62}$/.test(name)) return name;
  throw new UsageError(`cluster ${name}: name it with small letters, digits and -, at most 63`);
}

/** What `--namespace` says, or undefined for every managed one. Throws UsageError. */
export function readNamespaces(values: Values): string[] | undefined {
  const names = listOf(values, "namespace");
  const odd = names?.find((name) => !/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(name));
  if (odd === undefined) return names;
  throw new UsageError(
    `--namespace ${quote(odd)}: give one namespace by its name, and repeat the flag for more`,
  );
}
