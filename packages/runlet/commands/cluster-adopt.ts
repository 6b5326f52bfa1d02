// Why: two deployments that serve one cluster by mistake refuse each other's runner sets. When one of them is gone for good,
// a person says so: the fence of the other on each set becomes ours. Until then nothing of theirs is touched.
import { createFenceCounter } from "@runlet/coordination/fence-counter";
import { formatFence, parseFence } from "@runlet/coordination/fence";
import { findOrCreateInstallation } from "@runlet/coordination/installation";
import type { ClusterRow } from "@runlet/coordination/registry";
import { annotate, testsFor } from "@runlet/control-plane/poller/decide-fence";
import { KubernetesError, type KubernetesClient } from "@runlet/kubernetes/client";
import {
  annotations,
  ephemeralRunnerSets,
  type EphemeralRunnerSet,
} from "@runlet/kubernetes/resources";
import { ask } from "./ask.ts";
import { listIn, listManaged } from "./check-cluster.ts";
import { getCluster, withCluster } from "./cluster-client.ts";
import type { Verb } from "./verbs.ts";

export const adoptCluster: Verb = {
  takes: "NAME",
  flags: ["yes"],
  async run({ names, values, open, tell }) {
    const place = await open();
    const { row } = await getCluster(await place.registry(), names[0]);
    const base = { ...place, table: await place.table() };
    const installation = await findOrCreateInstallation(base);
    const fences = createFenceCounter({ ...base, installation });
    return withCluster(place, row, async (client) => {
      const foreign = await listForeign(client, row, installation);
      if (foreign.length === 0) {
        const text = `nothing in cluster ${row.name} belongs to another installation`;
        return { text, json: { adopted: [] } };
      }
      for (const set of foreign) tell(`${placeOf(set)} belongs to installation ${ownerOf(set)}`);
      const question = `Adopt ${foreign.length} runner sets of cluster ${row.name}? If the other installation still runs, it will stop serving them.`;
      if (!(await ask(question, values["yes"] === true)))
        return { text: "nothing was changed", json: { adopted: [] }, failed: true };
      const { n } = await fences.draw();
      const ours = formatFence({ installation, n });
      const results = await Promise.all(foreign.map((set) => adopt(client, set, ours)));
      const adopted = foreign.filter((_, at) => results[at]).map(placeOf);
      const missed = foreign.length - adopted.length;
      const more = missed > 0 ? `; ${missed} were changed meanwhile: run it again` : "";
      const text = `adopted ${adopted.join(", ") || "none"}${more}`;
      return { text, json: { adopted, missed }, failed: missed > 0 };
    });
  },
};

/** EphemeralRunnerSets of managed namespaces whose fence another installation has drawn. */
async function listForeign(client: KubernetesClient, row: ClusterRow, installation: string) {
  const managed = new Set(row.namespaces ?? (await listManaged(client)));
  const sets = await listIn<EphemeralRunnerSet>(client, ephemeralRunnerSets, row.namespaces);
  return sets.filter((set) => {
    const owner = ownerOf(set);
    return managed.has(set.metadata.namespace ?? "") && owner && owner !== installation;
  });
}

function ownerOf({ metadata }: EphemeralRunnerSet): string | undefined {
  return parseFence(metadata.annotations?.[annotations.fence] ?? "")?.installation;
}

function placeOf({ metadata }: EphemeralRunnerSet): string {
  return `${metadata.namespace}/${metadata.name}`;
}

/** False: it was written since it was read. Its owner lives, then. */
async function adopt(client: KubernetesClient, set: EphemeralRunnerSet, fence: string) {
  const { metadata } = set;
  const operations = [...testsFor(metadata), ...annotate(metadata, { [annotations.fence]: fence })];
  try {
    await client.patch(ephemeralRunnerSets, metadata, { type: "json", operations });
    return true;
  } catch (error) {
    if (error instanceof KubernetesError && [404, 422].includes(error.status)) return false;
    throw error;
  }
}
