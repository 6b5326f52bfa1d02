// Why: what goes over the wire is the contract with the API server; what comes back decides what callers
// do. Each row of both is looked at here.
import { createVirtualClock } from "@runlet/runtime/virtual-clock";
import { expect, test } from "vitest";
import { createKubernetesClient, KubernetesError, type KubernetesClient } from "./client.ts";
import { createFakeServer, json, statusAnswer, type FakeRequest } from "./fake-server.ts";
import { ephemeralRunners, ephemeralRunnerSets, namespaces, pods } from "./resources.ts";

function setUp(answer: (request: FakeRequest) => Response | Promise<Response>, token?: string) {
  const clock = createVirtualClock();
  const server = createFakeServer(answer);
  const access = {
    server: "https://cluster.test:6443",
    fetch: server.fetch,
    ...(token === undefined ? {} : { token: async () => token }),
  };
  const client = createKubernetesClient({
    access,
    clock,
    userAgent: "runlet/test",
    limitMs: 10_000,
  });
  return { client, clock, requests: server.requests };
}

async function errorOf(call: Promise<unknown>): Promise<KubernetesError> {
  const error: unknown = await call.then(
    () => new Error("it succeeded"),
    (reason: unknown) => reason,
  );
  if (!(error instanceof KubernetesError)) throw error;
  return error;
}

const runner = { namespace: "arc", name: "r-1" };
const object = { metadata: { ...runner, resourceVersion: "5" } };

test("objects of the core group and of others are addressed where the API has them", async () => {
  const { client, requests } = setUp(() => json(object));
  await client.find(pods, runner);
  await client.find(ephemeralRunners, runner);
  await client.find(namespaces, { name: "arc" });
  expect(requests.map((request) => request.path)).toEqual([
    "/api/v1/namespaces/arc/pods/r-1",
    "/apis/actions.github.com/v1alpha1/namespaces/arc/ephemeralrunners/r-1",
    "/api/v1/namespaces/arc",
  ]);
});

test("every request carries the token of the moment and names us", async () => {
  let tokens = 0;
  const server = createFakeServer(() => json(object));
  const client = createKubernetesClient({
    access: {
      server: "https://c.test",
      fetch: server.fetch,
      token: async () => `token-${++tokens}`,
    },
    clock: createVirtualClock(),
    userAgent: "runlet/1 (poller)",
    limitMs: 1_000,
  });
  await client.find(pods, runner);
  await client.find(pods, runner);
  expect(server.requests.map((request) => request.headers["authorization"])).toEqual([
    "Bearer token-1",
    "Bearer token-2",
  ]);
  expect(server.requests[0]?.headers["user-agent"]).toBe("runlet/1 (poller)");
});

test("with a client certificate no token is sent", async () => {
  const { client, requests } = setUp(() => json(object));
  await client.find(pods, runner);
  expect(requests[0]?.headers).not.toHaveProperty("authorization");
});

test("find is undefined for 404 and throws for everything else", async () => {
  const { client } = setUp((request) =>
    request.path.endsWith("gone")
      ? statusAnswer(404, "NotFound", "pods gone not found")
      : statusAnswer(403, "Forbidden", "no"),
  );
  expect(await client.find(pods, { namespace: "a", name: "gone" })).toBeUndefined();
  const error = await errorOf(client.find(pods, { namespace: "a", name: "b" }));
  expect(error).toMatchObject({ status: 403, reason: "Forbidden" });
  expect(error.message).toBe("get Pod a/b: 403 no");
});

test("a list is read in pages and says the version to watch from", async () => {
  const { client, requests } = setUp((request) =>
    request.query.get("continue") === "next"
      ? json({ metadata: { resourceVersion: "90" }, items: [{ metadata: { name: "b" } }] })
      : json({
          metadata: { resourceVersion: "90", continue: "next" },
          items: [{ metadata: { name: "a" } }],
        }),
  );
  const list = await client.list(pods, { namespace: "arc", labelSelector: "a=b,c in (d,e)" });
  expect(list.items.map((item) => item.metadata.name)).toEqual(["a", "b"]);
  expect(list.items[0]).toMatchObject({ apiVersion: "v1", kind: "Pod" });
  expect(list.resourceVersion).toBe("90");
  expect(requests.map((request) => request.query.get("limit"))).toEqual(["500", "500"]);
  expect(requests[1]?.query.get("labelSelector")).toBe("a=b,c in (d,e)");
});

test("a page token that expired starts the list again, once, without pages", async () => {
  const { client, requests } = setUp((request) => {
    if (request.query.get("continue")) return statusAnswer(410, "Expired", "too old");
    const more = request.query.get("limit") ? { continue: "old" } : {};
    return json({
      metadata: { resourceVersion: "91", ...more },
      items: [{ metadata: { name: "a" } }],
    });
  });
  const list = await client.list(pods);
  expect(list.items).toHaveLength(1);
  expect(requests.map((request) => request.query.get("limit"))).toEqual(["500", "500", null]);
});

test("create posts to the namespace with group, version and kind filled in", async () => {
  const { client, requests } = setUp(() => json(object, 201));
  await client.create(ephemeralRunners, { metadata: { name: "r", namespace: "arc" } });
  const [request] = requests;
  expect(request?.method).toBe("POST");
  expect(request?.path).toBe("/apis/actions.github.com/v1alpha1/namespaces/arc/ephemeralrunners");
  expect(JSON.parse(request?.body ?? "")).toMatchObject({
    apiVersion: "actions.github.com/v1alpha1",
    kind: "EphemeralRunner",
  });
});

test("both patch types and the status subresource are sent as the API wants them", async () => {
  const { client, requests } = setUp(() => json(object));
  const operations = [{ op: "test" as const, path: "/metadata/uid", value: "u" }];
  await client.patch(ephemeralRunnerSets, runner, { type: "json", operations });
  const body = { status: { phase: "Running" } };
  await client.patch(ephemeralRunners, runner, { type: "merge", body }, { subresource: "status" });
  expect(requests.map((r) => [r.method, r.headers["content-type"]])).toEqual([
    ["PATCH", "application/json-patch+json"],
    ["PATCH", "application/merge-patch+json"],
  ]);
  expect(JSON.parse(requests[0]?.body ?? "")).toEqual(operations);
  expect(requests[1]?.path).toMatch(/\/ephemeralrunners\/r-1\/status$/);
});

test("an int64 that a caller wrapped in rawJSON goes out digit by digit", async () => {
  const { client, requests } = setUp(() => json(object));
  // JSON.rawJSON is in Node 24 and not yet in TypeScript's library.
  const raw = (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON("9007199254740993");
  await client.patch(ephemeralRunners, runner, {
    type: "merge",
    body: { status: { jobRequestId: raw } },
  });
  expect(requests[0]?.body).toBe('{"status":{"jobRequestId":9007199254740993}}');
});

test("remove sends its preconditions and tells removed from absent", async () => {
  const { client, requests } = setUp((request) =>
    request.path.endsWith("gone")
      ? statusAnswer(404, "NotFound", "")
      : json({ kind: "Status", status: "Success" }),
  );
  const options = { uid: "u-1", propagation: "Background", gracePeriodSeconds: 0 } as const;
  expect(await client.remove(pods, runner, options)).toBe("removed");
  expect(await client.remove(pods, { namespace: "a", name: "gone" })).toBe("absent");
  expect(JSON.parse(requests[0]?.body ?? "")).toEqual({
    apiVersion: "v1",
    kind: "DeleteOptions",
    preconditions: { uid: "u-1" },
    propagationPolicy: "Background",
    gracePeriodSeconds: 0,
  });
});

test("429 is not retried and its Retry-After reaches the caller, capped", async () => {
  let seconds = "7";
  const { client, requests } = setUp(() =>
    json({ reason: "TooManyRequests", message: "slow down" }, 429, { "retry-after": seconds }),
  );
  expect(await errorOf(client.find(pods, runner))).toMatchObject({
    status: 429,
    reason: "TooManyRequests",
    retryAfterMs: 7_000,
  });
  seconds = "999999";
  expect((await errorOf(client.find(pods, runner))).retryAfterMs).toBe(300_000);
  expect(requests).toHaveLength(2);
});

test("an answer of a proxy without a Status has a reason all the same", async () => {
  const { client } = setUp(() => new Response("<html>Bad gateway</html>", { status: 502 }));
  expect(await errorOf(client.version())).toMatchObject({ status: 502, reason: "InternalError" });
});

test("a success that is no JSON is an error", async () => {
  const { client } = setUp(() => new Response("hello"));
  expect(await errorOf(client.version())).toMatchObject({ status: 200, reason: "Unreadable" });
});

function reset(): Error {
  return Object.assign(new Error("socket hang up"), { code: "ECONNRESET" });
}

test("a read on a connection that was reset is sent once more; a write is not", async () => {
  let resets = 1;
  const { client, requests } = setUp(() => {
    if (resets-- > 0) throw reset();
    return json(object);
  });
  expect(await client.find(pods, runner)).toEqual(object);
  expect(requests).toHaveLength(2);
  resets = 2;
  expect(await errorOf(client.find(pods, runner))).toMatchObject({
    status: 0,
    reason: "Unreachable",
  });
  resets = 1;
  const write = client.patch(pods, runner, { type: "merge", body: {} });
  expect(await errorOf(write)).toMatchObject({ status: 0, reason: "Unreachable" });
  expect(requests).toHaveLength(5);
});

test("a server that never answers is given up after the limit, also for a reset that is retried", async () => {
  const { client, clock } = setUp(() => new Promise<Response>(() => {}));
  const started = clock.nowMs();
  const call = errorOf(client.find(pods, runner, { limitMs: 3_000 }));
  let ended = false;
  void call.then(() => (ended = true));
  await clock.runUntil(() => ended, 60_000);
  expect(await call).toMatchObject({ status: 0, reason: "TimedOut" });
  expect(clock.nowMs() - started).toBe(3_000);
  expect(clock.timersCount()).toBe(0);
});

test("an abort by the caller rejects with the caller's own reason", async () => {
  const { client } = setUp(() => new Promise<Response>(() => {}));
  const stop = new AbortController();
  const call = client.find(pods, runner, { signal: stop.signal });
  const reason = new Error("lease lost");
  stop.abort(reason);
  await expect(call).rejects.toBe(reason);
});

test("no path can be left by a name", async () => {
  const { client, requests } = setUp(() => json(object));
  await client.find(pods, { namespace: "a", name: "../../secrets/x?y#z" });
  expect(requests[0]?.path).toBe("/api/v1/namespaces/a/pods/..%2F..%2Fsecrets%2Fx%3Fy%23z");
  const without: Parameters<KubernetesClient["find"]>[1] = { name: "x" };
  await expect(client.find(pods, without)).rejects.toThrow("addressed with a namespace");
});
