// Why: a way into a cluster is one file with everything inside it: exactly what the strict parser takes, and no more.
import { stringify } from "yaml";
import type { StrictKubeconfig } from "./strict-kubeconfig.ts";

const base64 = (text: string) => Buffer.from(text).toString("base64");

/** A kubeconfig whose only context is `config.context`. */
export function renderKubeconfig(config: StrictKubeconfig): string {
  const { context: name, server, caPem, serverName, credential } = config;
  const user =
    credential.kind === "token"
      ? { token: credential.token }
      : {
          "client-certificate-data": base64(credential.certificatePem),
          "client-key-data": base64(credential.keyPem),
        };
  const cluster = {
    server,
    "certificate-authority-data": base64(caPem),
    ...(serverName && { "tls-server-name": serverName }),
  };
  return stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name, cluster }],
    users: [{ name, user }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    "current-context": name,
  });
}
