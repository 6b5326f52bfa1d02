// Why: a real Kubernetes control plane on loopback in a few seconds: etcd, kube-apiserver and, for owner
// references, namespaces and quotas, kube-controller-manager. No kubelet, no scheduler. The flags follow
// controller-runtime's envtest (pkg/internal/testing/controlplane), with RBAC on.
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSystemClock } from "@runlet/runtime/clock";
import { createHttpFetch, type HttpFetch } from "@runlet/runtime/http";
import { createTestCa } from "@runlet/runtime/http-fixture";
import { getControlPlaneBinaries, type ControlPlaneBinaries } from "./binaries.ts";
import { startComponent, type Component } from "./component.ts";

export interface ControlPlaneOptions {
  /** Start kube-controller-manager too; without it nothing is garbage-collected. */
  controllers: boolean;
  /** More users for tokenFor, by name, with their groups. */
  users?: Record<string, string[]>;
  /** More flags for the API server, e.g. to provoke 429. */
  apiServerFlags?: string[];
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
  restartApiServer(): Promise<void>;
  stop(): Promise<void>;
}

const clock = createSystemClock();
const readyLimitMs = 90_000;

interface Bed {
  dir: string;
  binaries: ControlPlaneBinaries;
  server: string;
  apiPort: number;
  etcdPorts: [number, number];
  tokens: Record<string, string>;
  fetch: HttpFetch;
  extraFlags: string[];
  admission: string[];
}

/** Starts a control plane of its own in a temporary folder. */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const binaries = await getControlPlaneBinaries();
  const dir = mkdtempSync(join(tmpdir(), "runlet-cluster-"));
  const users = {
    admin: ["system:masters"],
    "system:kube-controller-manager": [],
    ...options.users,
  };
  const tokens = writeTokens(dir, users);
  const caPem = writeCertificates(dir);
  const [apiPort, client, peer] = await freePorts();
  const server = `https://127.0.0.1:${apiPort}`;
  const bed: Bed = {
    dir,
    binaries,
    server,
    apiPort,
    etcdPorts: [client, peer],
    tokens,
    fetch: createHttpFetch({ clock, onlyCa: [caPem] }),
    extraFlags: options.apiServerFlags ?? [],
    // Without the controllers no namespace ever gets the service account that this plugin waits for.
    admission: options.controllers ? [] : ["--disable-admission-plugins=ServiceAccount"],
  };
  const token = (user: string) => {
    const found = tokens[user];
    if (!found) throw new Error(`no token was made for ${user}; name it in users`);
    return found;
  };
  const kubeconfigPath = writeKubeconfig(bed, caPem, "admin");
  const components: Component[] = [];
  const start = (component: Component) => {
    components.push(component);
    return component;
  };
  const stop = async () => {
    bed.fetch.close();
    await Promise.all(components.map((component) => component.kill()));
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    start(startEtcd(bed));
    let api = start(startApiServer(bed));
    await untilReady(bed, components, "/readyz");
    if (options.controllers) {
      start(startControllerManager(bed, caPem));
      await untilReady(bed, components, "/api/v1/namespaces/default/serviceaccounts/default");
    }
    return {
      server,
      caPem,
      adminToken: token("admin"),
      kubeconfigPath,
      tokenFor: token,
      serviceAccountToken: (namespace, name) => requestToken(bed, namespace, name),
      apiServer: { signal: (signal) => api.signal(signal) },
      async restartApiServer() {
        await api.kill();
        components.splice(components.indexOf(api), 1);
        api = start(startApiServer(bed));
        await untilReady(bed, components, "/readyz");
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function startEtcd({ binaries, dir, etcdPorts: [client, peer] }: Bed): Component {
  const args = [
    `--data-dir=${join(dir, "etcd")}`,
    `--listen-client-urls=http://127.0.0.1:${client}`,
    `--advertise-client-urls=http://127.0.0.1:${client}`,
    `--listen-peer-urls=http://127.0.0.1:${peer}`,
    `--initial-advertise-peer-urls=http://127.0.0.1:${peer}`,
    `--initial-cluster=default=http://127.0.0.1:${peer}`,
    "--unsafe-no-fsync",
  ];
  return startComponent("etcd", binaries.etcd, { args, logFile: join(dir, "etcd.log") });
}

function startApiServer(bed: Bed): Component {
  const file = (name: string) => join(bed.dir, name);
  const args = [
    `--etcd-servers=http://127.0.0.1:${bed.etcdPorts[0]}`,
    "--bind-address=127.0.0.1",
    `--secure-port=${bed.apiPort}`,
    // A machine without a default route has no address of its own to advertise.
    "--advertise-address=127.0.0.1",
    "--endpoint-reconciler-type=none",
    "--service-cluster-ip-range=10.0.0.0/24",
    "--allow-privileged=true",
    "--authorization-mode=RBAC",
    `--tls-cert-file=${file("server.crt")}`,
    `--tls-private-key-file=${file("server.key")}`,
    `--token-auth-file=${file("tokens.csv")}`,
    "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
    `--service-account-key-file=${file("accounts.pub")}`,
    `--service-account-signing-key-file=${file("accounts.key")}`,
    "--event-ttl=10m",
    ...bed.admission,
    ...bed.extraFlags,
  ];
  const logFile = file("kube-apiserver.log");
  return startComponent("kube-apiserver", bed.binaries.apiServer, { args, logFile });
}

// Only what a runner's life touches. Node-lifecycle removes the taint that new nodes begin with.
const controllers = [
  "garbage-collector-controller",
  "namespace-controller",
  "serviceaccount-controller",
  "serviceaccount-token-controller",
  "root-ca-certificate-publisher-controller",
  "pod-garbage-collector-controller",
  "resourcequota-controller",
  "taint-eviction-controller",
  "node-lifecycle-controller",
  "clusterrole-aggregation-controller",
];

function startControllerManager(bed: Bed, caPem: string): Component {
  const args = [
    `--kubeconfig=${writeKubeconfig(bed, caPem, "system:kube-controller-manager")}`,
    `--service-account-private-key-file=${join(bed.dir, "accounts.key")}`,
    `--root-ca-file=${join(bed.dir, "ca.crt")}`,
    "--use-service-account-credentials=true",
    `--controllers=${controllers.join(",")}`,
    "--leader-elect=false",
    // Its default port is fixed, so that a second cluster would not come up.
    "--secure-port=0",
  ];
  const logFile = join(bed.dir, "kube-controller-manager.log");
  const file = bed.binaries.controllerManager;
  return startComponent("kube-controller-manager", file, { args, logFile });
}

/** Waits until GET `path` answers 200; a component that ends first is an error with its last words. */
async function untilReady(bed: Bed, components: Component[], path: string): Promise<void> {
  const headers = { authorization: `Bearer ${bed.tokens["admin"] ?? ""}` };
  const end = clock.nowMs() + readyLimitMs;
  let last = "no answer";
  while (clock.nowMs() < end) {
    const dead = components.find((component) => !component.running());
    if (dead) throw new Error(`${dead.name} ended while starting:\n${dead.tail()}`);
    try {
      const response = await bed.fetch(`${bed.server}${path}`, { headers });
      await response.text();
      if (response.status === 200) return;
      last = `status ${response.status}`;
    } catch (error) {
      last = String(error);
    }
    await clock.sleep(50);
  }
  const tails = components.map((component) => `${component.name}:\n${component.tail()}`);
  throw new Error(`${path} was not ready in ${readyLimitMs} ms (${last})\n${tails.join("\n")}`);
}

async function requestToken(bed: Bed, namespace: string, name: string): Promise<string> {
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`;
  const response = await bed.fetch(`${bed.server}${path}`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${bed.tokens["admin"] ?? ""}`,
      "content-type": "application/json",
    },
    body: JSON.stringify({
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenRequest",
      spec: { expirationSeconds: 3_600 },
    }),
  });
  // The API's own shape; anything else fails in the caller's first request.
  const answer = (await response.json()) as { status?: { token?: string }; message?: string };
  if (answer.status?.token) return answer.status.token;
  throw new Error(`no token for ${namespace}/${name}: ${answer.message ?? response.status}`);
}

/** token,user,uid,"groups" a line; read once at start. */
function writeTokens(dir: string, users: Record<string, string[]>): Record<string, string> {
  const tokens: Record<string, string> = {};
  const lines = Object.entries(users).map(([user, groups]) => {
    const token = randomBytes(16).toString("hex");
    tokens[user] = token;
    return `${token},${user},${user},"${groups.join(",")}"`;
  });
  writeFileSync(join(dir, "tokens.csv"), `${lines.join("\n")}\n`, { mode: 0o600 });
  return tokens;
}

function writeCertificates(dir: string): string {
  const ca = createTestCa("runlet cluster bed");
  const leaf = ca.issue("kube-apiserver", "IP:127.0.0.1,DNS:localhost,DNS:kubernetes.default");
  ca.remove();
  const accounts = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  mkdirSync(join(dir, "etcd"), { mode: 0o700 });
  const write = (name: string, text: string) =>
    writeFileSync(join(dir, name), text, { mode: 0o600 });
  write("ca.crt", ca.certificatePem);
  write("server.crt", leaf.certificatePem);
  write("server.key", leaf.keyPem);
  write("accounts.key", accounts.privateKey);
  write("accounts.pub", accounts.publicKey);
  return ca.certificatePem;
}

function writeKubeconfig(bed: Bed, caPem: string, user: string): string {
  const path = join(bed.dir, `kubeconfig-${user.replaceAll(":", "-")}.yaml`);
  const ca = Buffer.from(caPem).toString("base64");
  const cluster = { server: bed.server, "certificate-authority-data": ca };
  const config = {
    apiVersion: "v1",
    kind: "Config",
    "current-context": "bed",
    clusters: [{ name: "bed", cluster }],
    users: [{ name: user, user: { token: bed.tokens[user] } }],
    contexts: [{ name: "bed", context: { cluster: "bed", user, namespace: "default" } }],
  };
  // JSON is YAML.
  writeFileSync(path, JSON.stringify(config, null, 2), { mode: 0o600 });
  return path;
}

/** Three ports that were free a moment ago, held together so that they differ. */
async function freePorts(): Promise<[number, number, number]> {
  const servers = [createServer(), createServer(), createServer()];
  const ports = await Promise.all(
    servers.map((server) => {
      return new Promise<number>((resolve) => {
        // A listening TCP server's address is an object.
        server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
      });
    }),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  const [a = 0, b = 0, c = 0] = ports;
  return [a, b, c];
}
