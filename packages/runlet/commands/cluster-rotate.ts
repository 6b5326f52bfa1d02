// Why: tokens end and certificates are changed. The new way in is tried before it replaces the old one, and must lead to the
// same cluster: another one under the name would be taken for one whose runner sets have all been deleted.
import { namespaces } from "@runlet/kubernetes/resources";
import { KubernetesError, type KubernetesClient } from "@runlet/kubernetes/client";
import { openWay, readWay, tryWay } from "./cluster-add.ts";
import { clientOf, getCluster, withCluster } from "./cluster-client.ts";
import { describeCheck } from "./describe-check.ts";
import { problemsOf } from "./check-cluster.ts";
import type { Verb } from "./verbs.ts";

export const rotateCluster: Verb = {
  takes: "NAME",
  flags: ["kubeconfig", "context", "eks", "region", "role-arn", "external-id"],
  async run({ names, values, open, tell }) {
    const given = readWay(values);
    const place = await open();
    const registry = await place.registry();
    const { row, version } = await getCluster(registry, names[0]);
    const way = openWay(place, row.name, given);
    tell(`checking cluster ${row.name} …`);
    const check = await tryWay(place, row, way);
    const access = await way.open();
    const after = access && (await uidOf(clientOf(place, access)));
    access?.close();
    // Whether the old way still leads in does not matter: it may be why there is a new one.
    const before = await withCluster(place, row, uidOf).catch(() => undefined);
    if (before !== undefined && after !== undefined && before !== after) {
      throw new Error(
        `that is another cluster than the one registered as ${row.name}: give it a name of its own`,
      );
    }
    if (way.secret) await place.secrets.put(way.secret.name, way.secret.text);
    if (row.accessRef !== way.accessRef) {
      const put = await registry.putCluster({ ...row, accessRef: way.accessRef }, version);
      if (put === "refused")
        throw new Error(`cluster ${row.name} was changed meanwhile: try again`);
    }
    // A secret's text is kept for five minutes; another place to look is seen with the rows, three times a minute.
    const time = row.accessRef === way.accessRef ? "five minutes" : "two minutes";
    const text =
      `${describeCheck(row.name, check)}\ncluster ${row.name} has its new access; ` +
      `functions that run use it within ${time}: leave the old one good for so long`;
    return { text, json: { cluster: row.name, check, problems: problemsOf(check) } };
  },
};

/** Kubernetes documents the kube-system namespace's uid as a cluster's identity; undefined where it may not be seen. */
async function uidOf(client: KubernetesClient): Promise<string | undefined> {
  try {
    const { items } = await client.list(namespaces);
    return items.find(({ metadata }) => metadata.name === "kube-system")?.metadata.uid;
  } catch (error) {
    if (error instanceof KubernetesError && error.status === 403) return undefined;
    throw error;
  }
}
