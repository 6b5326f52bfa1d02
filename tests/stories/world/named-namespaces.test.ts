import { expect, it } from "vitest";
import { runnersNamespace, systemNamespace } from "@runlet/runlet/world/manifests";
import { modes, startWorld } from "./running-world.ts";

const roleBinding = `
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: runlet-control-plane, namespace: ${runnersNamespace} }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: runlet-control-plane }
subjects: [{ kind: ServiceAccount, name: runlet-control-plane, namespace: ${systemNamespace} }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: runlet-control-plane }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: runlet-control-plane }
subjects: []
`;

it.each(modes)(
  "a cluster registered for one namespace is served with a grant for that namespace alone, in %s mode",
  async (mode) => {
    const world = await startWorld({ mode, namespaces: [runnersNamespace] }, ({ clusters }) => {
      for (const { api } of clusters.values()) api.applyManifests(roleBinding);
    });
    world.queue("linux", { count: 4 });
    await world.jobsEnd(10_000);
    const silent = world.recorder.lines().filter(({ event }) => event === "cluster_silent");
    expect(silent).toEqual([]);
    await world.endClean();
  },
);
