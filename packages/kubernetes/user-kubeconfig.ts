// Why: on a user's own machine a kubeconfig may do what kubectl lets it do: run an exec plug-in, read files
// beside it. @kubernetes/client-node knows all of that, so it loads the file; our own client does the
// rest. Never imported by what runs in the cloud (2 MB, and programs are started).
import { KubeConfig, type Cluster } from "@kubernetes/client-node";
import { createHttpFetch } from "@runlet/runtime/http";
import type { RequestOptions } from "node:https";
import type { AccessDeps, OpenAccess } from "./access.ts";
import { refuse } from "./kubeconfig-problems.ts";

export interface UserKubeconfig {
  /** The file's path (relative names in it count from its folder), or its text. */
  from: { file: string } | { text: string };
  /** Default: the file's current-context. */
  context?: string;
}

/** Access as kubectl would have it. Throws KubeconfigRefused for what we do not do. */
export async function createUserAccess(
  deps: AccessDeps,
  kubeconfig: UserKubeconfig,
): Promise<OpenAccess & { context: string; caPem: string | undefined }> {
  const config = load(kubeconfig);
  const cluster = config.getCurrentCluster();
  if (!cluster)
    return refuse("the context names no cluster", "check it with `kubectl cluster-info`");
  if (cluster.skipTLSVerify)
    refuse("insecure-skip-tls-verify turns verification off", "give certificate-authority instead");
  if (!cluster.server.startsWith("https://"))
    refuse("server is not https", "give it as https://HOST:PORT");
  if (config.getCurrentUser()?.username)
    refuse("API servers accept no user names and passwords", "use a token or a certificate");

  const first = await credentials(config);
  // Without this the API server would take us for system:anonymous.
  if (first.token === undefined && first.certificatePem === undefined)
    refuse(
      "the user has no credential that is understood",
      "give a token, a client certificate or an exec plug-in",
    );
  const fetch = (deps.createFetch ?? createHttpFetch)({
    clock: deps.clock,
    ...fetchOptions(cluster, first),
  });
  const token = async () => (await credentials(config)).token ?? "";
  return {
    context: config.getCurrentContext(),
    caPem: first.ca,
    server: cluster.server.replace(/\/+$/, ""),
    fetch,
    close: () => fetch.close(),
    ...(first.token === undefined ? {} : { token }),
  };
}

function load({ from, context }: UserKubeconfig): KubeConfig {
  const config = new KubeConfig();
  try {
    if ("file" in from) config.loadFromFile(from.file);
    else config.loadFromString(from.text);
  } catch (cause) {
    const what = "file" in from ? from.file : "the text";
    // The parser's message may quote a secret; its kind is enough.
    refuse(
      `${what} is empty or no kubeconfig (${cause instanceof Error ? cause.name : "unreadable"})`,
      "check it with `kubectl config view`",
    );
  }
  if (context !== undefined) config.setCurrentContext(context);
  if (!config.getContextObject(config.getCurrentContext())) {
    const names = config.getContexts().map((one) => one.name);
    if (names.length === 0)
      refuse("there is no context in it", "check it with `kubectl config view`");
    refuse(
      `there is no context ${config.getCurrentContext() || "chosen"}; there are ${names.join(", ")}`,
      "name one of them with --context",
    );
  }
  return config;
}

interface Credentials {
  token: string | undefined;
  ca: string | undefined;
  certificatePem: string | undefined;
  keyPem: string | undefined;
}

/** Runs the exec plug-in where there is one; the library keeps its answer until it expires. */
async function credentials(config: KubeConfig): Promise<Credentials> {
  const options: RequestOptions = {};
  await config.applyToHTTPSOptions(options);
  // The library sets one header, as text; node's type allows more.
  const { Authorization: header } = (options.headers ?? {}) as { Authorization?: string };
  const bearer = /^Bearer (.+)$/.exec(header ?? "")?.[1];
  return {
    token: bearer,
    ca: text(options.ca),
    certificatePem: text(options.cert),
    keyPem: text(options.key),
  };
}

/** The library gives certificates as bytes or text. */
function text(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  return Buffer.isBuffer(value) ? value.toString("utf8") : undefined;
}

function fetchOptions(cluster: Cluster, { ca, certificatePem, keyPem }: Credentials) {
  const proxy = cluster.proxyUrl;
  if (proxy && !/^https?:/.test(proxy))
    refuse("proxy-url is no http proxy", "use an http:// or https:// proxy");
  return {
    ...(ca ? { onlyCa: [ca] } : {}),
    ...(certificatePem && keyPem ? { clientCertificate: { certificatePem, keyPem } } : {}),
    ...(cluster.tlsServerName ? { serverName: cluster.tlsServerName } : {}),
    ...(proxy ? { proxy: { https: proxy } } : {}),
  };
}
