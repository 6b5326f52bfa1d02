// Why: the composition root of poller and sweep in the cloud: environment → settings → adapters. Memoised per container.
import { parseAccessRef } from "@runlet/coordination/access-ref";
import { createShardCiphers } from "@runlet/coordination/data-keys";
import { createKms } from "@runlet/coordination/kms";
import type { ClusterRow } from "@runlet/coordination/registry";
import { createSecretCredentials } from "@runlet/coordination/secret-credentials";
import type { OpenAccess } from "@runlet/kubernetes/access";
import { createEksAccess } from "@runlet/kubernetes/eks-access";
import { createStoredAccess } from "@runlet/kubernetes/stored-access";
import { composeControlPlane, type ControlPlane } from "@runlet/runlet/compose/control-plane";
import { createGithubFetch } from "@runlet/runlet/compose/github-fetch";
import { createWebhookSources, parseWebhooks } from "@runlet/runlet/compose/webhook-sources";
import { createAddressGuard } from "@runlet/runtime/address-guard";
import type { Clock } from "@runlet/runtime/clock";
import { createHttpFetch, type HttpFetchOptions } from "@runlet/runtime/http";
import { createAwsPorts } from "./aws-ports.ts";

export interface Root extends ControlPlane {
  clock: Clock;
  /** Writes the figures of an invocation that ends. */
  flush(): void;
}

let root: Promise<Root> | undefined;

/** The container's control plane. A failed start is tried again by the next invocation. */
export function createRoot(): Promise<Root> {
  root ??= start().catch((error: unknown) => {
    root = undefined;
    throw error;
  });
  return root;
}

async function start(): Promise<Root> {
  const ports = createAwsPorts();
  const { environment, clock, secrets, metrics } = ports;
  const { stage, secretsPrefix, proxy, settings } = environment;
  const guard = createAddressGuard({ allowLoopback: environment.allowLoopback });
  const way = { guard, ...(proxy && { proxy }) };
  const credentials = createSecretCredentials(secrets, `${secretsPrefix}/github`);
  const wrapping = createKms(ports.callsOf("kms", "TrentService", "1.1"), environment.kmsKey());
  const github = createHttpFetch({ clock, ...way });
  const controlPlane = await composeControlPlane({
    ...ports,
    settings,
    credentials,
    cipherFor: createShardCiphers({ ...ports, wrapping, stage }),
    fetchFor: (credential) => createGithubFetch(clock, credential, way),
    accessTo: createAccessFinder({ ...ports, way }),
    webhookSources: createWebhookSources(
      { clock, fetch: github, credentials },
      parseWebhooks(environment.webhooks),
    ),
  });
  return { clock, ...controlPlane, flush: () => metrics.flush() };
}

interface AccessDeps extends ReturnType<typeof createAwsPorts> {
  way: Pick<HttpFetchOptions, "guard" | "proxy">;
}

/** The way into a registered cluster: by its kubeconfig in a secret, or by EKS. */
function createAccessFinder(deps: AccessDeps) {
  const { environment, clock, log, http, secrets, way } = deps;
  const base = {
    clock,
    log,
    createFetch: (options: HttpFetchOptions) => createHttpFetch({ ...options, ...way }),
  };
  const account = {
    fetch: http,
    credentials: environment.credentials,
    stsUrl: (region: string) => environment.urlOf("sts", region),
    eksUrl: (region: string) => environment.urlOf("eks", region),
  };
  return async ({ name, accessRef }: ClusterRow): Promise<OpenAccess | undefined> => {
    const ref = parseAccessRef(accessRef);
    if (!ref) return undefined;
    if (ref.kind === "eks") return createEksAccess({ ...base, ...account }, ref);
    return createStoredAccess(base, async () => {
      const text = await secrets.find(ref.name);
      if (text !== undefined) return text;
      throw new Error(`there is no secret ${ref.name} with the kubeconfig of cluster ${name}`);
    });
  };
}
