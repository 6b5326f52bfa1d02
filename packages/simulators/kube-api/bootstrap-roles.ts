// Why: a new cluster has roles of its own (Kubernetes docs, "Default roles and role bindings"). Only those
// are here without which nobody but an administrator could discover the API or ask what he may do.
import type { ApiObject } from "./api-object.ts";

const apiVersion = "rbac.authorization.k8s.io/v1";
const labels = { "kubernetes.io/bootstrapping": "rbac-defaults" };
const health = ["/healthz", "/livez", "/readyz", "/version", "/version/"];
const discovery = ["/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*", ...health];

function clusterRole(name: string, rules: unknown[]): ApiObject {
  return { apiVersion, kind: "ClusterRole", metadata: { name, labels }, rules };
}

function binding(role: string, ...groups: string[]): ApiObject {
  return {
    apiVersion,
    kind: "ClusterRoleBinding",
    metadata: { name: role, labels },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: role },
    subjects: groups.map((name) => ({
      apiGroup: "rbac.authorization.k8s.io",
      kind: "Group",
      name,
    })),
  };
}

export const bootstrapObjects: readonly ApiObject[] = [
  clusterRole("cluster-admin", [
    { apiGroups: ["*"], resources: ["*"], verbs: ["*"] },
    { nonResourceURLs: ["*"], verbs: ["*"] },
  ]),
  binding("cluster-admin", "system:masters"),
  clusterRole("system:discovery", [{ nonResourceURLs: discovery, verbs: ["get"] }]),
  binding("system:discovery", "system:authenticated"),
  clusterRole("system:public-info-viewer", [{ nonResourceURLs: health, verbs: ["get"] }]),
  binding("system:public-info-viewer", "system:authenticated", "system:unauthenticated"),
  clusterRole("system:basic-user", [
    {
      apiGroups: ["authorization.k8s.io"],
      resources: ["selfsubjectaccessreviews"],
      verbs: ["create"],
    },
    { apiGroups: ["authentication.k8s.io"], resources: ["selfsubjectreviews"], verbs: ["create"] },
  ]),
  binding("system:basic-user", "system:authenticated"),
];
