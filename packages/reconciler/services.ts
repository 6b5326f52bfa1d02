// Why: one client of the Actions Service for each set of connection facts, so that token refreshes are
// shared. Secrets and config maps are read live when they are needed (nobody may list all secrets): the
// credential each time an admin connection is made, so that a rotated one is found by itself.
import { X509Certificate } from "node:crypto";
import { parseConfigUrl } from "@runlet/actions-service/config-url";
import type { ActionsService, Failure, GitHubCredential } from "@runlet/actions-service/service";
import {
  KubernetesError,
  type KubernetesClient,
  type KubernetesObject,
} from "@runlet/kubernetes/client";
import {
  configMaps,
  secrets,
  type ProxyConfig,
  type TlsConfig,
} from "@runlet/kubernetes/resources";
import type { Clock } from "@runlet/runtime/clock";
import { findCertificates } from "@runlet/runtime/find-certificates";
import { CredentialUnusable, parseCredential } from "./credential.ts";
import { contentHash } from "./hash.ts";
import { resolveProxy, type ResolvedProxy } from "./proxy.ts";
import type { Secret } from "./pod.ts";

/** What it takes to reach the service for one set; the factory is the composition's. */
export interface ServiceRequest {
  configUrl: string;
  /** Reads the secret at each call. Rejects with CredentialUnusable. */
  credential: () => Promise<GitHubCredential>;
  /** PEM, to be trusted beside the built-in roots. */
  caPem?: string;
  proxy?: ResolvedProxy;
}

export type ServiceFactory = (request: ServiceRequest) => ActionsService;

/** The part of a spec that says how the service is reached: of an ARS, an ERS' runner spec or an ER. */
export interface Connection {
  githubConfigUrl?: string;
  githubConfigSecret?: string;
  proxy?: ProxyConfig;
  githubServerTLS?: TlsConfig;
  vaultConfig?: Record<string, unknown>;
}

export interface Services {
  /** Throws InvalidConfigUrl and CredentialUnusable. */
  find(namespace: string, connection: Connection): Promise<ScopedService>;
  /** What is wrong with the Secret of the connection (a live read); undefined: nothing, or it cannot be read. */
  credentialProblem(namespace: string, connection: Connection): Promise<string | undefined>;
  /** Whether the credential of the connection exists (a live read); "forbidden": it may not be read. */
  lookForCredential(
    namespace: string,
    connection: Connection,
  ): Promise<"there" | "gone" | "forbidden">;
}

export interface ScopedService {
  service: ActionsService;
  /** The registration limit counts by this. */
  scopeKey: string;
}

/** The service did not do what was asked; carries its own words and its Retry-After. */
export class ServiceFailed extends Error {
  override name = "ServiceFailed";
  readonly failure: Failure;
  readonly retryAfterMs: number | undefined;
  constructor(attempt: string, failure: Failure) {
    super(`${attempt}: ${failure.message} (${failure.reason})`);
    this.failure = failure;
    this.retryAfterMs = failure.retryAfterMs;
  }
}

interface Made extends ScopedService {
  checkedAtMs: number;
  /** Hash of CA and proxy as they were read. */
  extras: string;
}

/** How long a CA or proxy secret is believed. */
const trustMs = 600_000;
/** A client that nobody has asked for so long belonged to a set that is gone, or is made differently now. */
const unusedMs = 3_600_000;

export function createServices(deps: {
  client: KubernetesClient;
  clock: Clock;
  serviceFor: ServiceFactory;
}): Services {
  const made = new Map<string, Promise<Made>>();
  const usedAtMs = new Map<string, number>();

  function forgetUnused() {
    for (const [key, at] of usedAtMs) {
      if (deps.clock.nowMs() - at < unusedMs) continue;
      usedAtMs.delete(key);
      made.delete(key);
    }
  }

  async function make(
    namespace: string,
    connection: Connection,
    last: Made | undefined,
  ): Promise<Made> {
    const url = parseConfigUrl(connection.githubConfigUrl ?? "");
    const extras = await readExtras(deps.client, namespace, connection);
    const checkedAtMs = deps.clock.nowMs();
    const hash = contentHash(extras);
    if (last?.extras === hash) return { ...last, checkedAtMs };
    const credential = () => readCredential(deps.client, namespace, connection);
    const service = deps.serviceFor({ configUrl: url.url, credential, ...extras });
    return { service, scopeKey: url.scopeKey, checkedAtMs, extras: hash };
  }

  return {
    async find(namespace, connection) {
      const { githubConfigUrl, githubConfigSecret, proxy, githubServerTLS, vaultConfig } =
        connection;
      if (typeof vaultConfig?.["type"] === "string" && vaultConfig["type"] !== "") {
        throw new CredentialUnusable("spec.vaultConfig: vaults are not supported yet");
      }
      const key = contentHash([
        namespace,
        githubConfigUrl,
        githubConfigSecret,
        proxy,
        githubServerTLS,
      ]);
      usedAtMs.set(key, deps.clock.nowMs());
      forgetUnused();
      const isFresh = ({ checkedAtMs }: Made) => {
        const plain = proxy === undefined && githubServerTLS === undefined;
        return plain || deps.clock.nowMs() - checkedAtMs < trustMs;
      };
      // In the map before anything is waited for, so that all who come meanwhile share one client.
      const making = (made.get(key) ?? Promise.resolve(undefined)).then((known) => {
        return known && isFresh(known) ? known : make(namespace, connection, known);
      });
      made.set(key, making);
      making.catch(() => made.get(key) === making && made.delete(key));
      return making;
    },
    async credentialProblem(namespace, connection) {
      try {
        await readCredential(deps.client, namespace, connection);
      } catch (error) {
        if (error instanceof CredentialUnusable) return error.message;
      }
      return undefined;
    },
    async lookForCredential(namespace, connection) {
      const name = connection.githubConfigSecret ?? "";
      if (name === "") return "gone";
      try {
        const secret = await deps.client.find<Secret>(secrets, { namespace, name });
        return secret === undefined ? "gone" : "there";
      } catch (error) {
        if (error instanceof KubernetesError && error.status === 403) return "forbidden";
        throw error;
      }
    },
  };
}

async function readCredential(
  client: KubernetesClient,
  namespace: string,
  connection: Connection,
): Promise<GitHubCredential> {
  const name = connection.githubConfigSecret ?? "";
  if (name === "") throw new CredentialUnusable("githubConfigSecret is not set");
  const secret = await client.find<Secret>(secrets, { namespace, name });
  if (!secret) throw new CredentialUnusable(`secret ${namespace}/${name} does not exist`);
  return parseCredential(secret);
}

async function readExtras(
  client: KubernetesClient,
  namespace: string,
  connection: Connection,
): Promise<{ caPem?: string; proxy?: ResolvedProxy }> {
  const extras: { caPem?: string; proxy?: ResolvedProxy } = {};
  const ca = connection.githubServerTLS?.certificateFrom?.configMapKeyRef;
  if (ca?.name) {
    type ConfigMap = KubernetesObject & { data?: Record<string, string> };
    const map = await client.find<ConfigMap>(configMaps, { namespace, name: ca.name });
    extras.caPem = readCa(map?.data?.[ca.key], `config map ${namespace}/${ca.name}`, ca.key);
  }
  if (connection.proxy) extras.proxy = await resolveProxy(client, namespace, connection.proxy);
  return extras;
}

/** Certificates that TLS can use, or words: with broken ones every call would fail as "unreachable". */
function readCa(pem: string | undefined, where: string, key: string): string {
  const field = "spec.githubServerTLS";
  if (!pem) throw new CredentialUnusable(`${field}: ${where} does not exist or has no key ${key}`);
  const blocks = findCertificates(pem);
  if (blocks.length === 0 || !blocks.every(isCertificate)) {
    const remedy = "put the CA's certificates there, as PEM";
    throw new CredentialUnusable(`${field}: ${where}, key ${key}, is no certificate; ${remedy}`);
  }
  return pem;
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).subject !== undefined;
  } catch {
    return false;
  }
}
