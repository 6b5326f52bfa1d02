// Why: a real Kubernetes control plane on loopback in a few seconds: etcd, kube-apiserver and, for owner
// references, namespaces and quotas, kube-controller-manager. No kubelet, no scheduler. The flags follow
// controller-runtime's envtest (pkg/internal/testing/controlplane), with RBAC on.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSystemClock } from "@runlet/runtime/clock";
import { createHttpFetch } from "@runlet/runtime/http";
import { auditLogOf, writeAuditPolicy } from "./audit.ts";
import { writeCertificates, writeKubeconfig, writeTokens, type Bed } from "./bed.ts";
import { startApiServer, startControllerManager, startEtcd } from "./bed-components.ts";
import {
  createCrd,
  requestToken,
  untilDiscovered,
  untilReady,
  type CrdKind,
} from "./bed-requests.ts";
import { getControlPlaneBinaries } from "./binaries.ts";
import type { Component } from "@runlet/runlet/programs/component";
import { freePorts } from "@runlet/runlet/programs/free-ports";

export interface ControlPlaneOptions {
  /** Start kube-controller-manager too; without it nothing is garbage-collected. */
  controllers: boolean;
  /** More users for tokenFor, by name, with their groups. */
  users?: Record<string, string[]>;
  /** CRDs (YAML, one a text) that are there before the controllers start and learn what kinds there are. */
  crds?: string[];
  /** The API server has forgotten its first minutes, as one has that is older than its watch cache. */
  aged?: boolean;
  /** More flags for the API server, e.g. to provoke 429. */
  apiServerFlags?: string[];
  /** Every call is on record in `auditLog`. */
  audit?: boolean;
  /** etcd takes no more than this; then every write is refused until there is room. */
  etcdQuotaBytes?: number;
}

export interface ControlPlane {
  /** https://127.0.0.1:port */
  server: string;
  caPem: string;
  adminToken: string;
  /** A kubeconfig file for the administrator. */
  kubeconfigPath: string;
  /** The token of a user of `users`; they have no rights but those that RBAC gives. */
  tokenFor(user: string): string;
  /** A token for an existing service account, by TokenRequest. */
  serviceAccountToken(namespace: string, name: string): Promise<string>;
  apiServer: Pick<Component, "signal">;
  /** Kills the API server and starts it again on the same port: its watch cache is empty then (410). */
  restartApiServer(meanwhile?: () => Promise<void>): Promise<void>;
  /** JSON lines (audit.k8s.io/v1 Event, level Metadata), one a call that has ended; with `audit`. */
  auditLog: string;
  /** etcd's client address, without TLS. */
  etcdUrl: string;
  stop(): Promise<void>;
}

/** Starts a control plane of its own in a temporary folder. */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const bed = await prepareBed(options);
  const components: Component[] = [];
  const stop = async () => {
    bed.fetch.close();
    await Promise.all(components.map((component) => component.kill()));
    rmSync(bed.dir, { recursive: true, force: true });
  };
  const tokenFor = (user: string) => {
    const token = bed.tokens[user];
    if (!token) throw new Error(`no token was made for ${user}; name it in users`);
    return token;
  };
  try {
    const api = await bringUp(bed, components, options);
    return {
      server: bed.server,
      caPem: bed.caPem,
      adminToken: tokenFor("admin"),
      kubeconfigPath: writeKubeconfig(bed, "admin"),
      tokenFor,
      serviceAccountToken: (namespace, name) => requestToken(bed, namespace, name),
      apiServer: { signal: api.signal },
      restartApiServer: api.restart,
      auditLog: auditLogOf(bed.dir),
      etcdUrl: `http://127.0.0.1:${bed.etcdPorts[0]}`,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function prepareBed(options: ControlPlaneOptions): Promise<Bed> {
  const binaries = await getControlPlaneBinaries();
  const dir = mkdtempSync(join(tmpdir(), "runlet-cluster-"));
  const own = { admin: ["system:masters"], "system:kube-controller-manager": [] };
  const caPem = await writeCertificates(dir);
  const [apiPort, client, peer] = await freePorts();
  // Without the controllers no namespace ever gets the service account that this plugin waits for.
  const admission = options.controllers ? [] : ["--disable-admission-plugins=ServiceAccount"];
  return {
    dir,
    binaries,
    server: `https://127.0.0.1:${apiPort}`,
    apiPort,
    etcdPorts: [client, peer],
    caPem,
    tokens: writeTokens(dir, { ...own, ...options.users }),
    fetch: createHttpFetch({ clock: createSystemClock(), onlyCa: [caPem] }),
    flags: [
      ...admission,
      ...(options.audit ? writeAuditPolicy(dir) : []),
      ...(options.apiServerFlags ?? []),
    ],
    etcdFlags: options.etcdQuotaBytes ? [`--quota-backend-bytes=${options.etcdQuotaBytes}`] : [],
  };
}

/** Starts everything in order, each when what it needs is ready; says how to restart the API server. */
async function bringUp(bed: Bed, components: Component[], options: ControlPlaneOptions) {
  const start = (component: Component) => {
    components.push(component);
    return component;
  };
  const apiReady = () => untilReady(bed, components, { path: "/readyz" });
  start(startEtcd(bed));
  let api = start(startApiServer(bed));
  await apiReady();
  const restart = async (meanwhile?: () => Promise<void>) => {
    await api.kill();
    components.splice(components.indexOf(api), 1);
    await meanwhile?.();
    api = start(startApiServer(bed));
    await apiReady();
  };
  const kinds: CrdKind[] = [];
  for (const crd of options.crds ?? []) kinds.push(await createCrd(bed, crd));
  // A server killed between accepting a CRD's names and establishing it never establishes it.
  await untilDiscovered(bed, components, kinds);
  if (options.aged) await restart();
  await untilDiscovered(bed, components, kinds);
  if (options.controllers) {
    start(startControllerManager(bed));
    const path = "/api/v1/namespaces/default/serviceaccounts/default";
    await untilReady(bed, components, { path });
  }
  return { restart, signal: (signal: "SIGSTOP" | "SIGCONT") => api.signal(signal) };
}
