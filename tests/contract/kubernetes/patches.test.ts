import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { actions, core, openTestServer, pod, runnerSet, type TestServer } from "./test-server.ts";

let server: TestServer;
let namespace: string;
beforeAll(async () => {
  server = await openTestServer();
  namespace = await server.namespace();
});
afterAll(() => server.close());

const sets = (name = "") => actions(namespace, "ephemeralrunnersets", name);
const fence = "/metadata/annotations/runlet.dev~1fence";

async function fencedSet(name: string) {
  const annotations = { "runlet.dev/fence": "0" };
  return (await server.post(sets(), runnerSet(name, {}, { annotations }))).body.metadata;
}

describe("a JSON patch", () => {
  it("fences: tests uid and fence, then writes fence and pair at once", async () => {
    const { uid } = await fencedSet("f1");
    const patch = (seen: string, next: string, replicas: number) => [
      { op: "test", path: "/metadata/uid", value: uid },
      { op: "test", path: fence, value: seen },
      { op: "add", path: fence, value: next },
      { op: "add", path: "/spec/replicas", value: replicas },
      { op: "add", path: "/spec/patchID", value: replicas },
    ];
    const first = await server.jsonPatch(sets("f1"), patch("0", "i:1", 3));
    const late = await server.jsonPatch(sets("f1"), patch("0", "i:0", 9));
    expect(first.status).toBe(200);
    expect(first.body.spec).toEqual({ replicas: 3, patchID: 3 });
    expect(late.status).toBe(422);
    expect(late.body).toMatchObject({
      reason: "Invalid",
      message: "the server rejected our request due to an error in our request",
    });
    expect((await server.get(sets("f1"))).body.spec).toEqual({ replicas: 3, patchID: 3 });
  });

  it("does nothing of a patch of which one step fails", async () => {
    await fencedSet("f2");
    const { status } = await server.jsonPatch(sets("f2"), [
      { op: "add", path: "/spec/replicas", value: 3 },
      { op: "test", path: "/spec/patchID", value: 77 },
    ]);
    expect(status).toBe(422);
    expect((await server.get(sets("f2"))).body.spec).toEqual({ patchID: 0 });
  });

  it("does not make the parents of what it adds", async () => {
    await server.post(sets(), runnerSet("f3"));
    const add = { op: "add", path: "/metadata/annotations/a", value: "b" };
    const parent = { op: "add", path: "/metadata/annotations", value: {} };
    expect((await server.jsonPatch(sets("f3"), [add])).status).toBe(422);
    const both = await server.jsonPatch(sets("f3"), [parent, add]);
    expect(both.status).toBe(200);
    expect(both.body.metadata.annotations).toEqual({ a: "b" });
  });

  it("tests the number of an object as it is read", async () => {
    const { resourceVersion } = (await server.post(sets(), runnerSet("f4"))).body.metadata;
    const patch = [
      { op: "test", path: "/metadata/resourceVersion", value: resourceVersion },
      { op: "add", path: "/spec/replicas", value: 1 },
    ];
    expect((await server.jsonPatch(sets("f4"), patch)).status).toBe(200);
    expect((await server.jsonPatch(sets("f4"), patch)).status).toBe(422);
  });

  it("compares structures, whatever the order of their keys", async () => {
    const labels = { a: "1", b: "2" };
    await server.post(sets(), runnerSet("f5", {}, { labels }));
    const equal = [{ op: "test", path: "/metadata/labels", value: { b: "2", a: "1" } }];
    const other = [{ op: "test", path: "/metadata/labels", value: { a: "1" } }];
    expect((await server.jsonPatch(sets("f5"), equal)).status).toBe(200);
    expect((await server.jsonPatch(sets("f5"), other)).status).toBe(422);
  });

  it("inserts into, appends to and removes from lists", async () => {
    const finalizers = ["example.com/a", "example.com/b"];
    await server.post(sets(), runnerSet("f6", {}, { finalizers }));
    const { body } = await server.jsonPatch(sets("f6"), [
      { op: "remove", path: "/metadata/finalizers/0" },
      { op: "add", path: "/metadata/finalizers/0", value: "example.com/c" },
      { op: "add", path: "/metadata/finalizers/-", value: "example.com/d" },
    ]);
    expect(body.metadata.finalizers).toEqual(["example.com/c", "example.com/b", "example.com/d"]);
  });

  it("refuses to remove or move what is not there", async () => {
    await server.post(sets(), runnerSet("f7"));
    for (const operation of [
      { op: "remove", path: "/spec/replicas" },
      { op: "remove", path: "/metadata/finalizers/0" },
      { op: "move", from: "/spec/none", path: "/spec/replicas" },
      { op: "replace", path: "/metadata/labels/a", value: "b" },
      { op: "unheard-of", path: "/spec/replicas" },
      { path: "/spec/replicas" },
    ]) {
      const { status } = await server.jsonPatch(sets("f7"), [operation]);
      expect(status, JSON.stringify(operation)).toBe(422);
    }
  });

  it("is laxer than the RFC in what is absent", async () => {
    await server.post(sets(), runnerSet("f11", {}, { annotations: { a: "b" } }));
    const { status, body } = await server.jsonPatch(sets("f11"), [
      { op: "replace", path: "/spec/replicas", value: 4 },
      { op: "test", path: "/metadata/annotations/none", value: null },
      { op: "add", path: "/metadata/annotations/empty" },
    ]);
    expect(status).toBe(200);
    expect(body.spec).toEqual({ patchID: 0, replicas: 4 });
    expect(body.metadata.annotations).toEqual({ a: "b", empty: "" });
    const parent = [{ op: "test", path: "/spec/none/below", value: null }];
    expect((await server.jsonPatch(sets("f11"), parent)).status).toBe(422);
  });

  it("moves and copies", async () => {
    await server.post(sets(), runnerSet("f8", {}, { labels: { a: "1" } }));
    const { body } = await server.jsonPatch(sets("f8"), [
      { op: "copy", from: "/metadata/labels/a", path: "/metadata/labels/b" },
      { op: "move", from: "/metadata/labels/a", path: "/metadata/labels/c" },
    ]);
    expect(body.metadata.labels).toEqual({ b: "1", c: "1" });
  });

  it("is a list of operations, or 400", async () => {
    await server.post(sets(), runnerSet("f9"));
    expect((await server.jsonPatch(sets("f9"), { op: "add" })).status).toBe(400);
  });

  it("is validated like any other write", async () => {
    await server.post(sets(), runnerSet("f10"));
    const patch = [{ op: "add", path: "/spec/replicas", value: "many" }];
    const refused = await server.jsonPatch(sets("f10"), patch);
    expect(refused.status).toBe(422);
    expect(refused.body.message).toContain("spec.replicas");
  });
});

describe("a merge patch", () => {
  it("adds, changes and removes", async () => {
    await server.post(sets(), runnerSet("m1", { replicas: 1 }, { labels: { a: "1", b: "2" } }));
    const { body } = await server.merge(sets("m1"), {
      metadata: { labels: { a: null, c: "3" } },
      spec: { replicas: null, patchID: 2 },
    });
    expect(body.metadata.labels).toEqual({ b: "2", c: "3" });
    expect(body.spec).toEqual({ patchID: 2 });
  });

  it("with a resourceVersion is refused when the object has changed", async () => {
    const { resourceVersion } = (await server.post(sets(), runnerSet("m2"))).body.metadata;
    const patch = { metadata: { resourceVersion }, spec: { replicas: 1 } };
    expect((await server.merge(sets("m2"), patch)).status).toBe(200);
    const stale = await server.merge(sets("m2"), { ...patch, spec: { replicas: 2 } });
    expect(stale.status).toBe(409);
    expect(stale.body.reason).toBe("Conflict");
  });

  it("does not change a uid", async () => {
    await server.post(sets(), runnerSet("m3"));
    const refused = await server.merge(sets("m3"), { metadata: { uid: "other" } });
    expect(refused.status).toBe(422);
  });

  it("answers 404 for what is not there", async () => {
    const { status, body } = await server.merge(sets("absent"), {});
    expect(status).toBe(404);
    expect(body.message).toBe('ephemeralrunnersets.actions.github.com "absent" not found');
  });
});

describe("a strategic merge patch", () => {
  const strategic = (path: string, body: unknown) =>
    server.call("PATCH", path, { body, contentType: "application/strategic-merge-patch+json" });

  it("is refused with 415 for a custom resource", async () => {
    await server.post(sets(), runnerSet("x1"));
    const { status, body } = await strategic(sets("x1"), {});
    expect(status).toBe(415);
    expect(body.reason).toBe("UnsupportedMediaType");
  });

  it("merges containers and conditions by their names", async () => {
    const containers = [
      { name: "a", image: "a:1" },
      { name: "b", image: "b:1" },
    ];
    const path = core(namespace, "pods", "two");
    await server.post(core(namespace, "pods"), pod("two", { containers }));
    const spec = { containers: [{ name: "b", image: "b:2" }] };
    const { status, body } = await strategic(path, { spec });
    expect(status).toBe(200);
    expect(body.spec).toMatchObject({
      containers: [
        { name: "a", image: "a:1" },
        { name: "b", image: "b:2" },
      ],
    });
    const condition = (type: string, value: string) => ({
      status: { conditions: [{ type, status: value }] },
    });
    await strategic(`${path}/status`, condition("Ready", "False"));
    await strategic(`${path}/status`, condition("Initialized", "True"));
    const ready = await strategic(`${path}/status`, condition("Ready", "True"));
    const found = (ready.body.status as { conditions: { type: string; status: string }[] })
      .conditions;
    const shown = found.map(({ type, status: value }) => `${type}=${value}`).toSorted();
    expect(shown).toEqual(["Initialized=True", "Ready=True"]);
  });
});
