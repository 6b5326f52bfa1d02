// Why: our client and our watched kinds are only as good as what they do with a real API server. The same
// stories run against the simulator and, with RUNLET_KUBE_API, against kube-apiserver.
import { randomBytes } from "node:crypto";
import {
  createKubernetesClient,
  KubernetesError,
  type KubernetesObject,
} from "@runlet/kubernetes/client";
import {
  autoscalingRunnerSets,
  configMaps,
  ephemeralRunners,
  ephemeralRunnerSets,
  namespaces,
  type EphemeralRunner,
  type EphemeralRunnerSet,
} from "@runlet/kubernetes/resources";
import { createWatchedKind } from "@runlet/kubernetes/watch";
import { createSilentLog } from "@runlet/runtime/log";
import { createSeededRandom } from "@runlet/runtime/random";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openBackend, openTestServer, type TestServer } from "./test-server.ts";

const backend = openBackend();
const stop = new AbortController();
const access = {
  server: backend.server,
  fetch: backend.fetch,
  token: async () => backend.token,
};
const client = createKubernetesClient({
  access,
  clock: backend.clock,
  userAgent: "runlet-contract/1",
  limitMs: 20_000,
});
let crds: TestServer;
const namespace = `c-${randomBytes(5).toString("hex")}`;

beforeAll(async () => {
  crds = await openTestServer(backend);
  await client.create(namespaces, { metadata: { name: namespace } });
});
afterAll(async () => {
  stop.abort(new Error("the suite is over"));
  await client.remove(namespaces, { name: namespace });
  await crds.close();
});

interface ConfigMap extends KubernetesObject {
  data?: Record<string, string>;
}

const key = (name: string) => ({ namespace, name });

async function errorOf(call: Promise<unknown>): Promise<KubernetesError> {
  const error: unknown = await call.then(
    () => new Error("it succeeded"),
    (reason: unknown) => reason,
  );
  if (error instanceof KubernetesError) return error;
  throw error;
}

test("an object is created, found, patched and removed", async () => {
  const made = await client.create<ConfigMap>(configMaps, {
    metadata: { ...key("a"), labels: { of: "a" } },
    data: { x: "1" },
  });
  expect(made.metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
  expect(await client.find<ConfigMap>(configMaps, key("a"))).toMatchObject({ data: { x: "1" } });
  const merged = await client.patch<ConfigMap>(configMaps, key("a"), {
    type: "merge",
    body: { data: { x: null, y: "2" } },
  });
  expect(merged.data).toEqual({ y: "2" });
  expect(await client.remove(configMaps, key("a"))).toBe("removed");
  expect(await client.remove(configMaps, key("a"))).toBe("absent");
  expect(await client.find(configMaps, key("a"))).toBeUndefined();
});

test("the same name twice is AlreadyExists, a wrong uid at removal is Conflict", async () => {
  const object = { metadata: key("twice") };
  const made = await client.create<ConfigMap>(configMaps, object);
  expect(await errorOf(client.create(configMaps, object))).toMatchObject({
    status: 409,
    reason: "AlreadyExists",
  });
  const wrong = client.remove(configMaps, key("twice"), { uid: crypto.randomUUID() });
  expect(await errorOf(wrong)).toMatchObject({ status: 409, reason: "Conflict" });
  const { uid = "", resourceVersion = "" } = made.metadata;
  const right = client.remove(configMaps, key("twice"), { uid, resourceVersion });
  expect(await right).toBe("removed");
});

function runnerSet(name: string): EphemeralRunnerSet {
  return {
    metadata: { ...key(name), annotations: { "runlet.dev/fence": "0" } },
    spec: { replicas: 0, patchID: 0 },
  };
}

test("the fence is the server's: a patch whose test fails changes nothing and is 422 (I4)", async () => {
  const made = await client.create(ephemeralRunnerSets, runnerSet("fenced"));
  const operations = (fence: string, replicas: number) => [
    { op: "test" as const, path: "/metadata/uid", value: made.metadata.uid },
    { op: "test" as const, path: "/metadata/annotations/runlet.dev~1fence", value: "0" },
    { op: "add" as const, path: "/metadata/annotations/runlet.dev~1fence", value: fence },
    { op: "replace" as const, path: "/spec/replicas", value: replicas },
  ];
  const first = { type: "json", operations: operations("i:7", 3) } as const;
  await client.patch(ephemeralRunnerSets, key("fenced"), first);
  const late = { type: "json", operations: operations("i:6", 9) } as const;
  const error = await errorOf(client.patch(ephemeralRunnerSets, key("fenced"), late));
  expect(error).toMatchObject({ status: 422, reason: "Invalid" });
  const set = await client.find<EphemeralRunnerSet>(ephemeralRunnerSets, key("fenced"));
  expect(set?.spec.replicas).toBe(3);
  expect(set?.metadata.annotations?.["runlet.dev/fence"]).toBe("i:7");
});

test("an int64 is stored digit by digit", async () => {
  await client.create<EphemeralRunner>(ephemeralRunners, {
    metadata: key("int64"),
    spec: {
      githubConfigUrl: "https://github.com/o",
      githubConfigSecret: "s",
      runnerScaleSetId: 1,
      spec: { containers: [{ name: "runner", image: "i" }] },
    },
  });
  // JSON.rawJSON is in Node 24 and not yet in TypeScript's library.
  const raw = (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON("9007199254740993");
  const body = { status: { jobRequestId: raw, phase: "Running" } };
  const status = { subresource: "status" } as const;
  await client.patch(ephemeralRunners, key("int64"), { type: "merge", body }, status);
  const { text } = await crds.get(
    `/apis/actions.github.com/v1alpha1/namespaces/${namespace}/ephemeralrunners/int64`,
  );
  expect(text).toMatch(/"jobRequestId":\s*9007199254740993\b/);
});

test("a list of more than a page is whole, and its version is where a watch begins", async () => {
  const names = Array.from({ length: 620 }, (_, index) => `page-${index}`);
  for (let from = 0; from < names.length; from += 50)
    await Promise.all(
      names
        .slice(from, from + 50)
        .map((name) =>
          client.create(configMaps, { metadata: { ...key(name), labels: { page: "y" } } }),
        ),
    );
  const list = await client.list(configMaps, { namespace, labelSelector: "page=y" });
  expect(new Set(list.items.map((one) => one.metadata.name))).toEqual(new Set(names));
  expect(list.items[0]).toMatchObject({ apiVersion: "v1", kind: "ConfigMap" });
  await client.create(configMaps, { metadata: { ...key("after"), labels: { page: "y" } } });
  const { resourceVersion } = list;
  const where = { namespace, labelSelector: "page=y", resourceVersion, timeoutSeconds: 30 };
  for await (const event of client.watch(configMaps, where)) {
    if (event.type === "BOOKMARK") continue;
    expect(event).toMatchObject({ type: "ADDED", object: { metadata: { name: "after" } } });
    break;
  }
}, 120_000);

// A real server forgets only when etcd is compacted; tests/cluster does that.
test.skipIf(backend.real)("a version from before all history is 410", async () => {
  backend.compact();
  const watch = async () => {
    for await (const event of client.watch(configMaps, { namespace, resourceVersion: "1" }))
      expect(event).toBeUndefined();
  };
  expect(await errorOf(watch())).toMatchObject({ status: 410, reason: "Expired" });
});

test("a bad body is Invalid with the server's words", async () => {
  const bad = { metadata: key("bad"), spec: { minRunners: -1 } };
  const error = await errorOf(client.create(autoscalingRunnerSets, bad));
  expect(error).toMatchObject({ status: 422, reason: "Invalid" });
  expect(error.message).toContain("spec.minRunners");
});

test("the version is that of a Kubernetes", async () => {
  const version = await client.version();
  expect(Number(version.major)).toBeGreaterThanOrEqual(1);
  expect(version.gitVersion).toMatch(/^v\d+\.\d+/);
});

test("a watched kind follows the server, our own writes first", async () => {
  const deps = {
    client,
    clock: backend.clock,
    random: createSeededRandom(1),
    log: createSilentLog(),
  };
  const watched = createWatchedKind<ConfigMap>(deps, {
    resource: configMaps,
    namespace,
    labelSelector: "watched=y",
    signal: stop.signal,
  });
  await watched.ready();
  const labels = { watched: "y" };
  const seen: string[] = [];
  watched.onChange(({ type, object }) => seen.push(`${type} ${object.data?.["v"]}`));
  const made = await client.create<ConfigMap>(configMaps, {
    metadata: { ...key("w"), labels },
    data: { v: "1" },
  });
  watched.note(made);
  expect(watched.find(key("w"))?.data).toEqual({ v: "1" });
  await client.patch(configMaps, key("w"), { type: "merge", body: { data: { v: "2" } } });
  await crds.eventually("the change", async () =>
    watched.find(key("w"))?.data?.["v"] === "2" ? true : undefined,
  );
  // Out of the selector is gone, for who selects.
  await client.patch(configMaps, key("w"), {
    type: "merge",
    body: { metadata: { labels: { watched: null } } },
  });
  await crds.eventually("the going", async () =>
    watched.find(key("w")) === undefined ? true : undefined,
  );
  expect(seen).toEqual(["set 1", "set 2", "gone 2"]);
  expect(watched.state().state).toBe("live");
});
