// Why: CRDs are not upgraded by helm, so the cluster may have ARC's, or an earlier one of ours, which let more through
// and know fewer fields.
import type { Resource } from "@runlet/kubernetes/client";
import type { World } from "./reconciler-world.ts";

const definitions: Resource = {
  group: "apiextensions.k8s.io",
  version: "v1",
  plural: "customresourcedefinitions",
  kind: "CustomResourceDefinition",
  namespaced: false,
};

interface Schema {
  type?: string;
  properties?: Record<string, Schema>;
  [key: string]: unknown;
}
interface Definition {
  metadata: { name: string };
  spec: { versions: { schema: { openAPIV3Schema: Schema } }[] };
}

/** Schemas that take any spec; without `conditions` the status knows ARC's fields only. */
export async function installOlderCrds(
  world: World,
  knows: { conditions: boolean },
): Promise<void> {
  const found = world.kube.objects("apiextensions.k8s.io/v1", "CustomResourceDefinition");
  // The simulator has validated them.
  for (const definition of structuredClone(found) as unknown as Definition[]) {
    const [version] = definition.spec.versions;
    const schema = version?.schema.openAPIV3Schema;
    if (!version || !schema?.properties) continue;
    const { status } = schema.properties;
    const { conditions: _, ...known } = status?.properties ?? {};
    schema.properties["spec"] = { type: "object", "x-kubernetes-preserve-unknown-fields": true };
    if (status && !knows.conditions) schema.properties["status"] = { ...status, properties: known };
    const body = { spec: { versions: definition.spec.versions } };
    const key = { name: definition.metadata.name };
    await world.admin.patch(definitions, key, { type: "merge", body });
  }
}
