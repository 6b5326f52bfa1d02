// Why: which clusters are registered, and what is served in each, is in the table; looking at it asks no cluster.
import type { ClusterRow, ScaleSetRow } from "@runlet/coordination/registry";
import { alignColumns } from "./align-columns.ts";
import { getCluster } from "./cluster-client.ts";
import { count } from "./count.ts";
import type { Verb } from "./verbs.ts";

export const listClusters: Verb = {
  takes: "",
  flags: [],
  async run({ open }) {
    const place = await open();
    const registry = await place.registry();
    const rows = (await registry.listClusters()).map(({ row }) => row);
    const sets = (await registry.listScaleSets()).map(({ row }) => row);
    const clusters = rows.map((row) => ({ ...row, targets: targetsIn(row.name, sets).length }));
    if (clusters.length === 0)
      return { text: `no cluster is registered in ${place.label}`, json: { clusters } };
    const lines = clusters.map((row) => [
      row.name,
      row.draining ? "draining" : "served",
      count(row.targets, "target"),
      describeNamespaces(row),
      row.accessRef,
    ]);
    return { text: alignColumns(lines), json: { clusters } };
  },
};

export const showCluster: Verb = {
  takes: "NAME",
  flags: [],
  async run({ open, names }) {
    const registry = await (await open()).registry();
    const { row } = await getCluster(registry, names[0]);
    const sets = (await registry.listScaleSets()).map((one) => one.row);
    const targets = targetsIn(row.name, sets);
    const facts = [
      ["name", row.name],
      ["access", row.accessRef],
      ["namespaces", describeNamespaces(row)],
      ["state", row.draining ? "draining: it is being removed" : "served"],
      ...targets.map(({ place, scaleSet, shard }) => [
        "target",
        `${place} of ${scaleSet} in ${shard}`,
      ]),
    ];
    return { text: alignColumns(facts), json: { cluster: row, targets } };
  },
};

function describeNamespaces({ namespaces }: ClusterRow): string {
  return namespaces?.join(", ") ?? "all that are labelled runlet.dev/managed=true";
}

/** What the cluster serves, as the registry knows it. */
function targetsIn(cluster: string, sets: readonly ScaleSetRow[]) {
  return sets.flatMap(({ key, shard, targets }) =>
    targets
      .filter((target) => target.cluster === cluster)
      .map(({ namespace, autoscalingRunnerSet }) => ({
        place: `${namespace}/${autoscalingRunnerSet}`,
        scaleSet: key,
        shard,
      })),
  );
}
