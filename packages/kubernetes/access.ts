// Why: three ways lead to a cluster (a pod's own service account, a stored strict kubeconfig, a user's
// kubeconfig); all end in one ClusterAccess, so that nobody else knows the difference. The user's
// kubeconfig is in user-kubeconfig.ts, since it costs two megabytes of library.
import type { Clock } from "@runlet/runtime/clock";
import { createHttpFetch, type HttpFetch, type HttpFetchOptions } from "@runlet/runtime/http";
import type { ClusterAccess } from "./client.ts";
import type { StrictKubeconfig } from "./strict-kubeconfig.ts";

/** How a fetch is made: createHttpFetch, or a test's. */
export type FetchMaker = (options: HttpFetchOptions) => HttpFetch;

export interface AccessDeps {
  clock: Clock;
  /** Default: createHttpFetch. */
  createFetch?: FetchMaker;
}

/** An access that holds connections. */
export interface OpenAccess extends ClusterAccess {
  close(): void;
}

/** Access with what a strict kubeconfig says. */
export function createStrictAccess(deps: AccessDeps, config: StrictKubeconfig): OpenAccess {
  const { credential } = config;
  const fetch = (deps.createFetch ?? createHttpFetch)({
    clock: deps.clock,
    onlyCa: [config.caPem],
    ...(config.serverName ? { serverName: config.serverName } : {}),
    ...(credential.kind === "certificate" ? { clientCertificate: credential } : {}),
  });
  const token = credential.kind === "token" ? { token: async () => credential.token } : {};
  return { server: config.server, fetch, close: () => fetch.close(), ...token };
}

export interface InClusterDeps extends AccessDeps {
  readFile: (path: string) => Promise<string>;
}

export interface InClusterPlace {
  /** KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT. */
  host: string;
  port: string;
  /** Default: where kubelets mount it. */
  folder?: string;
}

const mountedFolder = "/var/run/secrets/kubernetes.io/serviceaccount";
// Kubelets renew a bound token when 80 % of its life has passed and replace the file; client-go reads it
// again once a minute.
const tokenFreshMs = 60_000;

/** Access as the pod's own service account. Throws if the pod has none. */
export async function createInClusterAccess(
  deps: InClusterDeps,
  place: InClusterPlace,
): Promise<OpenAccess> {
  const folder = place.folder ?? mountedFolder;
  const caPem = await deps.readFile(`${folder}/ca.crt`);
  const token = createFileToken(deps, `${folder}/token`);
  // A pod without a token should fail when it starts, not at its first call.
  await token();
  const host = place.host.includes(":") ? `[${place.host}]` : place.host;
  const fetch = (deps.createFetch ?? createHttpFetch)({ clock: deps.clock, onlyCa: [caPem] });
  return { server: `https://${host}:${place.port}`, token, fetch, close: () => fetch.close() };
}

/** The namespace of the pod that this runs in. Throws outside of a pod. */
export async function readOwnNamespace(
  readText: (path: string) => Promise<string>,
): Promise<string> {
  return (await readText(`${mountedFolder}/namespace`)).trim();
}

/** A token in a file that somebody else replaces. One that was read stays good while the file cannot be. */
function createFileToken(deps: InClusterDeps, path: string): () => Promise<string> {
  let read: { token: string; atMs: number } | undefined;
  let reading: Promise<string> | undefined;

  async function readAgain(): Promise<string> {
    try {
      const token = (await deps.readFile(path)).trim();
      if (token === "") throw new Error(`${path} is empty`);
      read = { token, atMs: deps.clock.nowMs() };
      return token;
    } catch (error) {
      if (!read) throw error;
      read = { ...read, atMs: deps.clock.nowMs() };
      return read.token;
    } finally {
      reading = undefined;
    }
  }
  return async () => {
    if (read && deps.clock.nowMs() - read.atMs < tokenFreshMs) return read.token;
    // Many callers at once, one read.
    reading ??= readAgain();
    return reading;
  };
}
