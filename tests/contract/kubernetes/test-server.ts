// Why: one suite says what a Kubernetes API does, and two servers must pass it: the simulator, and a real
// kube-apiserver when RUNLET_KUBE_API says where one is (`npm run test:cluster`). Cases speak plain HTTP.
import { randomBytes } from "node:crypto";
import { readCrds } from "@runlet/kubernetes/crds";
import { createSystemClock, type Clock } from "@runlet/runtime/clock";
import type { Fetch } from "@runlet/runtime/fetch";
import { createHttpFetch } from "@runlet/runtime/http";
import { createSeededRandom } from "@runlet/runtime/random";
import { createVirtualClock } from "@runlet/runtime/virtual-clock";
import type { ApiObject, JsonObject } from "@runlet/simulators/kube-api/api-object";
import { parseJson, stringifyJson } from "@runlet/simulators/kube-api/json";
import { createKubeApiSimulator } from "@runlet/simulators/kube-api/simulator";
import { parseAllDocuments } from "yaml";
import { z } from "zod";
import { openTestWatch, type TestWatch } from "./test-watch.ts";

export interface Reply {
  status: number;
  /** The body as an object; {} when it is none. */
  body: ApiObject & JsonObject;
  text: string;
  headers: Headers;
}

export interface CallOptions {
  body?: unknown;
  contentType?: string;
  accept?: string;
  /** Default: the administrator's. "": none. */
  token?: string;
}

export interface TestServer {
  /** True for a real kube-apiserver. */
  real: boolean;
  call(method: string, path: string, options?: CallOptions): Promise<Reply>;
  get(path: string): Promise<Reply>;
  post(path: string, body: unknown): Promise<Reply>;
  /** A merge patch. */
  merge(path: string, body: unknown): Promise<Reply>;
  jsonPatch(path: string, operations: unknown): Promise<Reply>;
  remove(path: string, body?: unknown): Promise<Reply>;
  watch(path: string, options?: CallOptions): Promise<TestWatch>;
  /** Lets this much time pass. */
  pass(ms: number): Promise<void>;
  /** Looks until `look` returns something; controllers act a moment later. */
  eventually<T>(what: string, look: () => Promise<T | undefined>): Promise<T>;
  /** A new namespace with its default service account. */
  namespace(): Promise<string>;
  /** A new service account and its token. */
  account(namespace: string, name: string): Promise<string>;
  /** Forgets the history of all kinds as far as this server can; false if it cannot. */
  compact(): boolean;
  close(): Promise<void>;
}

export interface Backend {
  real: boolean;
  clock: Clock;
  server: string;
  token: string;
  fetch: Fetch;
  pass(ms: number): Promise<void>;
  compact(): boolean;
  close(): void;
}

const realServer = z.object({ server: z.string(), ca: z.string(), token: z.string() });

/** A server of this test file alone, or the real one. */
/** The real server that RUNLET_KUBE_API names; undefined: the simulator is meant. */
export function findRealServer(): { server: string; ca: string; token: string } | undefined {
  const where = process.env["RUNLET_KUBE_API"];
  return where ? realServer.parse(JSON.parse(where)) : undefined;
}

/** The server under test without our CRDs; "simulator": that one in any case. */
export function openBackend(which: "named" | "simulator" = "named"): Backend {
  const real = which === "named" ? findRealServer() : undefined;
  if (real) {
    const { server, ca, token } = real;
    const clock = createSystemClock();
    const fetch = createHttpFetch({ clock, onlyCa: [ca] });
    const pass = (ms: number) => clock.sleep(ms);
    const close = () => fetch.close();
    return { real: true, clock, server, token, fetch, pass, compact: () => false, close };
  }
  const clock = createVirtualClock();
  const simulator = createKubeApiSimulator({ clock, random: createSeededRandom(1) });
  return {
    real: false,
    clock,
    server: "https://simulator",
    token: simulator.adminToken,
    fetch: simulator.fetch,
    pass: (ms) => clock.runFor(ms),
    compact() {
      simulator.compact();
      return true;
    },
    close: () => simulator.close(),
  };
}

/** The server under test, with our CRDs. */
export async function openTestServer(backend = openBackend()): Promise<TestServer> {
  const headersOf = (options: CallOptions) => {
    const token = options.token ?? backend.token;
    return {
      "content-type": options.contentType ?? "application/json",
      accept: options.accept ?? "application/json",
      ...(token === "" ? {} : { authorization: `Bearer ${token}` }),
    };
  };

  async function call(method: string, path: string, options: CallOptions = {}): Promise<Reply> {
    const response = await backend.fetch(backend.server + path, {
      method,
      headers: headersOf(options),
      ...(options.body === undefined ? {} : { body: stringifyJson(options.body) }),
    });
    const text = await response.text();
    return { status: response.status, body: parseReply(text), text, headers: response.headers };
  }

  const server: TestServer = {
    real: backend.real,
    call,
    get: (path) => call("GET", path),
    post: (path, body) => call("POST", path, { body }),
    merge: (path, body) =>
      call("PATCH", path, { body, contentType: "application/merge-patch+json" }),
    jsonPatch: (path, body) =>
      call("PATCH", path, { body, contentType: "application/json-patch+json" }),
    remove: (path, body) => call("DELETE", path, { body }),
    watch: (path, options = {}) =>
      openTestWatch(backend.fetch, backend.server + path, headersOf(options), backend.pass),
    pass: backend.pass,
    async eventually(what, look) {
      for (let attempt = 0; attempt < 150; attempt++) {
        const found = await look();
        if (found !== undefined) return found;
        await backend.pass(100);
      }
      throw new Error(`${what}: did not come true within 15 s`);
    },
    async namespace() {
      const name = `t-${randomBytes(5).toString("hex")}`;
      const made = await server.post("/api/v1/namespaces", { metadata: { name } });
      if (made.status !== 201) throw new Error(made.text);
      const account = `/api/v1/namespaces/${name}/serviceaccounts/default`;
      await server.eventually("the default account", async () =>
        (await server.get(account)).status === 200 ? true : undefined,
      );
      return name;
    },
    async account(namespace, name) {
      const path = `/api/v1/namespaces/${namespace}/serviceaccounts`;
      await server.post(path, { metadata: { name } });
      const { body } = await server.post(`${path}/${name}/token`, {
        apiVersion: "authentication.k8s.io/v1",
        kind: "TokenRequest",
        spec: { expirationSeconds: 3600 },
      });
      return z.object({ status: z.object({ token: z.string() }) }).parse(body).status.token;
    },
    compact: () => backend.compact(),
    close: async () => backend.close(),
  };
  await installCrds(server);
  return server;
}

/** The body as an object that cases may look into; what is no object becomes {}. */
function parseReply(text: string): Reply["body"] {
  try {
    // Cases assert on the fields they look at, so a wrong shape fails there.
    return parseJson(text) as Reply["body"];
  } catch {
    return {} as Reply["body"];
  }
}

async function installCrds(server: TestServer) {
  const path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
  for (const document of parseAllDocuments(readCrds())) {
    const made = await server.post(path, document.toJS());
    if (made.status !== 201 && made.status !== 409) throw new Error(made.text);
  }
  for (const plural of ["autoscalingrunnersets", "ephemeralrunnersets", "ephemeralrunners"]) {
    await server.eventually(`${plural} to be served`, async () => {
      const list = await server.get(`/apis/actions.github.com/v1alpha1/${plural}?limit=1`);
      return list.status === 200 ? true : undefined;
    });
  }
}

export const actions = (namespace: string, plural: string, name = "") =>
  `/apis/actions.github.com/v1alpha1/namespaces/${namespace}/${plural}${name && `/${name}`}`;

export const core = (namespace: string, plural: string, name = "") =>
  `/api/v1/namespaces/${namespace}/${plural}${name && `/${name}`}`;

/** An EphemeralRunnerSet as a body. */
export const runnerSet = (name: string, spec: JsonObject = {}, metadata: JsonObject = {}) => ({
  apiVersion: "actions.github.com/v1alpha1",
  kind: "EphemeralRunnerSet",
  metadata: { name, ...metadata },
  spec: { patchID: 0, ...spec },
});

/** A ConfigMap as a body: the plainest object there is. */
export const configMap = (name: string, metadata: JsonObject = {}, data: JsonObject = {}) => ({
  metadata: { name, ...metadata },
  data,
});

/** A pod as a body. */
export const pod = (name: string, spec: JsonObject = {}, metadata: JsonObject = {}) => ({
  metadata: { name, ...metadata },
  spec: { containers: [{ name: "runner", image: "runner:1" }], restartPolicy: "Never", ...spec },
});

/** Which random walks differential.test.ts takes: RUNLET_WALKS of them (12) from seed RUNLET_SEED (1) on. */
export function readWalks(): { first: number; count: number } {
  const read = (name: string, usual: number) => Number(process.env[name] ?? usual);
  return { first: read("RUNLET_SEED", 1), count: read("RUNLET_WALKS", 12) };
}
