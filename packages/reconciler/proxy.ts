// Why: a proxy's user and password stand in a Secret of the user; clients and pods want them inside the URL.
// Pods get them through one flattened Secret, so that no pod spec ever shows them (ARC 0.14.2,
// apis/actions.github.com/v1alpha1/proxyconfig).
import type { KubernetesClient } from "@runlet/kubernetes/client";
import { secrets, type ProxyConfig, type ProxyServer } from "@runlet/kubernetes/resources";
import { CredentialUnusable } from "./credential.ts";
import type { Secret } from "./pod.ts";

/** URLs with user info; a secret. */
export interface ResolvedProxy {
  http?: string;
  https?: string;
  noProxy: string[];
}

/** Throws CredentialUnusable when a referenced Secret is missing or a URL cannot be read. */
export async function resolveProxy(
  client: KubernetesClient,
  namespace: string,
  proxy: ProxyConfig,
): Promise<ResolvedProxy> {
  const out: ResolvedProxy = { noProxy: proxy.noProxy ?? [] };
  for (const scheme of ["http", "https"] as const) {
    const server = proxy[scheme];
    if (server) out[scheme] = await resolve(client, namespace, server, `spec.proxy.${scheme}`);
  }
  return out;
}

/** Keys as pods read them (runner-pod.ts). */
export function proxySecretData(proxy: ResolvedProxy): Record<string, string> {
  const data: Record<string, string> = {};
  if (proxy.http) data["http_proxy"] = proxy.http;
  if (proxy.https) data["https_proxy"] = proxy.https;
  if (proxy.noProxy.length > 0) data["no_proxy"] = proxy.noProxy.join(",");
  const base64 = ([key, value]: [string, string]) => [key, Buffer.from(value).toString("base64")];
  return Object.fromEntries(Object.entries(data).map(base64));
}

async function resolve(
  client: KubernetesClient,
  namespace: string,
  server: ProxyServer,
  field: string,
): Promise<string> {
  // The URL is not repeated: it may hold a password.
  const url = URL.canParse(server.url ?? "") ? new URL(server.url) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.hostname === "") {
    throw new CredentialUnusable(`${field}.url must be http://HOST:PORT or https://HOST:PORT`);
  }
  const name = server.credentialSecretRef;
  if (!name) return url.href;
  const secret = await client.find<Secret>(secrets, { namespace, name });
  const from = `${field}.credentialSecretRef: secret ${namespace}/${name}`;
  if (!secret) throw new CredentialUnusable(`${from} does not exist`);
  const read = (key: string) => Buffer.from(secret.data?.[key] ?? "", "base64").toString();
  const missing = ["username", "password"].filter((key) => read(key) === "");
  if (missing.length > 0) throw new CredentialUnusable(`${from} lacks ${missing.join(" and ")}`);
  url.username = encodeURIComponent(read("username"));
  url.password = encodeURIComponent(read("password"));
  return url.href;
}
