// Why: what a user's AutoscalingRunnerSet and its reconciler leave in a cluster, with no reconciler there.
import type { KubernetesClient } from "@runlet/kubernetes/client";
import {
  annotations,
  autoscalingRunnerSets,
  ephemeralRunnerSets,
  type AutoscalingRunnerSet,
  type EphemeralRunnerSet,
} from "@runlet/kubernetes/resources";

export interface SetOrder {
  name: string;
  /** Default "shard-0". */
  shard?: string;
  /** Default: all clusters. */
  on?: string[];
  minRunners?: number;
  maxRunners?: number;
  annotations?: Record<string, string>;
}

export const namespace = "runners";
export const org = "https://github.com/acme";

/** An AutoscalingRunnerSet with that scale set id, and the EphemeralRunnerSet `NAME-CLUSTER` that it owns. */
export async function addRunnerSet(
  cluster: { name: string; client: KubernetesClient },
  order: SetOrder,
  id: number,
): Promise<void> {
  const apiVersion = "actions.github.com/v1alpha1";
  const github = { githubConfigUrl: org, githubConfigSecret: "secret" };
  const template = { spec: { containers: [{ name: "runner" }] } };
  const runnerSet = await cluster.client.create<AutoscalingRunnerSet>(autoscalingRunnerSets, {
    apiVersion,
    kind: "AutoscalingRunnerSet",
    metadata: {
      name: order.name,
      namespace,
      annotations: {
        [annotations.scaleSetId]: String(id),
        [annotations.share]: "true",
        ...order.annotations,
      },
    },
    spec: {
      ...github,
      template,
      ...(order.minRunners !== undefined && { minRunners: order.minRunners }),
      ...(order.maxRunners !== undefined && { maxRunners: order.maxRunners }),
    },
  });
  const owner = {
    apiVersion,
    kind: "AutoscalingRunnerSet",
    name: order.name,
    uid: runnerSet.metadata.uid ?? "",
    controller: true,
  };
  await cluster.client.create<EphemeralRunnerSet>(ephemeralRunnerSets, {
    apiVersion,
    kind: "EphemeralRunnerSet",
    metadata: {
      name: `${order.name}-${cluster.name}`,
      namespace,
      annotations: { [annotations.fence]: "0" },
      ownerReferences: [owner],
    },
    spec: {
      replicas: 0,
      patchID: 0,
      ephemeralRunnerSpec: { ...github, runnerScaleSetId: id, ...template },
    },
  });
}
