// Why: what a client needs to reach the simulator: address, CA and token in one file.
import { stringify } from "yaml";

/** A kubeconfig with everything inside it. */
export function renderKubeconfig(cluster: {
  name: string;
  server: string;
  caPem: string;
  token: string;
}): string {
  const { name, server, caPem, token } = cluster;
  const ca = Buffer.from(caPem).toString("base64");
  return stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name, cluster: { server, "certificate-authority-data": ca } }],
    users: [{ name: "admin", user: { token } }],
    contexts: [{ name, context: { cluster: name, user: "admin", namespace: "default" } }],
    "current-context": name,
  });
}
