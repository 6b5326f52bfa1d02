// Why: a whole Kubernetes API in one value, for tests (in process, on any clock), for the demo and for
// `npm run simulator:kube-api` (serve.ts puts it on a socket).
import type { Hono } from "hono";
import { parseAllDocuments } from "yaml";
import type { Clock } from "@runlet/runtime/clock";
import type { Fetch } from "@runlet/runtime/fetch";
import type { Random } from "@runlet/runtime/random";
import { isRecord, textAt, type ApiObject } from "./api-object.ts";
import { createApp, type AuditEntry, type BreakConnection } from "./app.ts";
import {
  createAuthentication,
  type ServiceAccountName,
  type TokenAuthenticator,
} from "./authentication.ts";
import { bootstrapObjects } from "./bootstrap-roles.ts";
import { createCluster, type Cluster } from "./cluster.ts";
import { createFaults, type Fault, type Faults } from "./faults.ts";
import { startGarbageCollector, startNamespaceController } from "./garbage-collector.ts";
import { collectionOf, keyOf } from "./kinds.ts";
import type { PodLogs } from "./pod-subresources.ts";
import type { RbacObjects } from "./rbac.ts";
import { createStore } from "./store.ts";
import { createWatches } from "./watches.ts";
import { createObject, updateObject } from "./writes.ts";

export interface KubeApiOptions {
  /** Default: random. */
  adminToken?: string;
  /** Events kept for watches and old lists (default 10,000). */
  historyEvents?: number;
  /** How long after a change garbage collector and namespace controller act (default 5 ms). */
  controllerDelayMs?: number;
  /** Good for this long, if `tokenFor` is not told otherwise (default one hour). */
  tokenTtlMs?: number;
  /** Requests kept in the audit log (default 100,000, the oldest go first). */
  auditEntries?: number;
  breakConnection?: BreakConnection;
  /** For tokens that it has not issued (Kubernetes docs, "Webhook Token Authentication"). Default: nobody. */
  authenticate?: TokenAuthenticator;
}

export interface KubeApiSimulator {
  /** One exchange in process: microtasks and the given clock only; the URL's host does not matter. */
  fetch: Fetch;
  app: Hono;
  /** Bearer token that may do everything. */
  adminToken: string;
  /** A bearer token of a service account (which need not exist yet). */
  tokenFor(account: ServiceAccountName, ttlMs?: number): string;
  /** Creates every object of a YAML text, or replaces those that exist. */
  applyManifests(yaml: string): void;
  /** Every stored object of a kind, straight from the store: for worlds and assertions. */
  objects(apiVersion: string, kind: string, namespace?: string): ApiObject[];
  /** One stored object, or undefined. */
  object(
    apiVersion: string,
    kind: string,
    key: { namespace?: string; name: string },
  ): ApiObject | undefined;
  /** The faults that are active; an empty list ends all. */
  setFaults(faults: readonly Fault[]): void;
  /** Adds one fault; returns its end. */
  addFault(fault: Fault): () => void;
  /** Ends open watches (of one kind); returns how many. */
  cutWatches(options?: { plural?: string; broken?: boolean }): number;
  openWatches(): number;
  /** Every token but the administrator's is refused from now on. */
  expireTokens(): void;
  /** Forgets history: watches from earlier numbers get 410. */
  compact(keep?: number): void;
  /** Where `GET …/pods/X/log` reads from. */
  setPodLogs(logs: PodLogs): void;
  auditLog(): readonly AuditEntry[];
  clearAuditLog(): void;
  /** Number of the last write. */
  revision(): number;
  /** Ends controllers, watches and faults; leaves no timer behind. */
  close(): void;
}

/** A new cluster: bootstrap roles, the usual namespaces, nothing else. */
export function createKubeApiSimulator(
  deps: { clock: Clock; random: Random },
  options: KubeApiOptions = {},
): KubeApiSimulator {
  const store = createStore({ historyEvents: options.historyEvents ?? 10_000 });
  const cluster = createCluster({ ...deps, store });
  const adminToken = options.adminToken ?? `admin-${deps.random.uuid()}`;
  const authentication = createAuthentication(deps, adminToken, options.authenticate);
  const watches = createWatches(cluster);
  const faults = createFaults(deps);
  const delay = options.controllerDelayMs ?? 5;
  const controllers = [
    startGarbageCollector(cluster, delay),
    startNamespaceController(cluster, delay),
  ];
  const audit = createAudit(options.auditEntries ?? 100_000);
  let logs: PodLogs = () => undefined;
  const app = createApp(
    {
      cluster,
      watches,
      authentication,
      faults,
      clock: deps.clock,
      rbac: rbacObjects(cluster),
      logs: (request) => logs(request),
      record: (entry) => audit.record(entry),
    },
    options.breakConnection,
  );
  store.subscribe((event) => {
    const { namespace = "", name } = event.object.metadata;
    const gone = event.type === "DELETED" && event.collection === "/serviceaccounts";
    if (gone) authentication.revoke({ namespace, name });
  });
  bootstrap(cluster);
  const ttl = options.tokenTtlMs ?? 3_600_000;
  return {
    app,
    adminToken,
    fetch: inProcess(app),
    tokenFor: (account, ttlMs = ttl) => authentication.issue(account, ttlMs).token,
    applyManifests: (yaml) => applyManifests(cluster, yaml),
    objects: (apiVersion, kind, namespace) =>
      list(cluster, apiVersion, kind).filter(
        (object) => namespace === undefined || object.metadata.namespace === namespace,
      ),
    object(apiVersion, kind, key) {
      const found = cluster.kindOf(apiVersion, kind);
      return found && store.get(collectionOf(found), keyOf(key.namespace, key.name));
    },
    ...faultControls(faults),
    cutWatches: (which) => watches.cut(which),
    openWatches: () => watches.count(),
    expireTokens: () => authentication.expireAll(),
    compact: (keep) => store.compact(keep),
    setPodLogs: (source) => void (logs = source),
    auditLog: () => audit.entries(),
    clearAuditLog: () => audit.clear(),
    revision: () => store.revision(),
    close() {
      for (const controller of controllers) controller.stop();
      faults.set([]);
      watches.cut();
    },
  };
}

const faultControls = (faults: Faults) => ({
  setFaults: (list: readonly Fault[]) => faults.set(list),
  addFault: (fault: Fault) => faults.add(fault),
});

function createAudit(most: number) {
  let entries: AuditEntry[] = [];
  return {
    entries: () => entries,
    clear: () => void (entries = []),
    record(entry: AuditEntry) {
      entries.push(entry);
      if (entries.length > most * 1.25) entries = entries.slice(-most);
    },
  };
}

/** The app as a Fetch: an abort rejects at once with its reason, whatever the server is doing. */
function inProcess(app: Hono): Fetch {
  return async (url, init = {}) => {
    const { signal } = init;
    signal?.throwIfAborted();
    const request = new Request(url, {
      method: init.method ?? "GET",
      ...(init.headers ? { headers: init.headers } : {}),
      ...(init.body === undefined ? {} : { body: Buffer.from(init.body) }),
      ...(signal ? { signal } : {}),
    });
    if (!signal) return app.fetch(request);
    const { promise, reject } = Promise.withResolvers<never>();
    const onAbort = () => reject(signal.reason as Error);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      return await Promise.race([app.fetch(request), promise]);
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  };
}

function rbacObjects(cluster: Cluster): RbacObjects {
  const all = (plural: string) => cluster.store.list(`rbac.authorization.k8s.io/${plural}`);
  const within = (plural: string, namespace: string) =>
    all(plural).filter((object) => object.metadata.namespace === namespace);
  return {
    clusterRoles: () => all("clusterroles"),
    clusterRoleBindings: () => all("clusterrolebindings"),
    roles: (namespace) => within("roles", namespace),
    roleBindings: (namespace) => within("rolebindings", namespace),
  };
}

const writeOptions = { fieldValidation: "Strict", dryRun: false } as const;

function bootstrap(cluster: Cluster) {
  for (const object of bootstrapObjects) put(cluster, object);
  for (const name of ["default", "kube-system", "kube-public", "kube-node-lease"]) {
    put(cluster, { apiVersion: "v1", kind: "Namespace", metadata: { name } });
  }
}

function put(cluster: Cluster, object: ApiObject) {
  const kind = cluster.kindOf(object.apiVersion, object.kind);
  if (!kind) throw new Error(`no kind ${object.apiVersion} ${object.kind} is served`);
  const namespace = kind.namespaced ? (object.metadata.namespace ?? "default") : "";
  const { name } = object.metadata;
  if (!cluster.store.get(collectionOf(kind), keyOf(namespace, name))) {
    createObject(cluster, { kind, namespace }, object, writeOptions);
    return;
  }
  const place = { kind, namespace, name, subresource: "" };
  updateObject(cluster, place, () => object, writeOptions);
}

function applyManifests(cluster: Cluster, yaml: string) {
  for (const document of parseAllDocuments(yaml)) {
    const value: unknown = document.toJS();
    if (value === null || value === undefined) continue;
    if (!isRecord(value) || textAt(value, "kind") === "") {
      throw new Error("a manifest needs apiVersion, kind and metadata.name");
    }
    // A record with a kind; what else it lacks the write refuses with the field's name.
    put(cluster, value as unknown as ApiObject);
  }
}

function list(cluster: Cluster, apiVersion: string, kind: string): ApiObject[] {
  const found = cluster.kindOf(apiVersion, kind);
  if (!found) throw new Error(`no kind ${apiVersion} ${kind} is served`);
  return cluster.store.list(collectionOf(found));
}
