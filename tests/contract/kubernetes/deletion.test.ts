import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ApiObject } from "@runlet/simulators/kube-api/api-object";
import {
  actions,
  configMap,
  core,
  openTestServer,
  pod,
  runnerSet,
  type TestServer,
} from "./test-server.ts";

let server: TestServer;
let namespace: string;
beforeAll(async () => {
  server = await openTestServer();
  namespace = await server.namespace();
});
afterAll(() => server.close());

const sets = (name = "") => actions(namespace, "ephemeralrunnersets", name);
const maps = (name = "") => core(namespace, "configmaps", name);
const pods = (name = "") => core(namespace, "pods", name);

const gone = (path: string) =>
  server.eventually(`${path} to be gone`, async () =>
    (await server.get(path)).status === 404 ? true : undefined,
  );

const ownedBy = (owner: ApiObject, more: object = {}) => ({
  ownerReferences: [
    {
      apiVersion: owner.apiVersion,
      kind: owner.kind,
      name: owner.metadata.name,
      uid: owner.metadata.uid,
      ...more,
    },
  ],
});

describe("deleting", () => {
  it("answers Success with the uid, then 404", async () => {
    const made = await server.post(sets(), runnerSet("d1"));
    const { status, body } = await server.remove(sets("d1"));
    expect(status).toBe(200);
    expect(body).toMatchObject({
      kind: "Status",
      status: "Success",
      details: { name: "d1", kind: "ephemeralrunnersets", uid: made.body.metadata.uid },
    });
    expect((await server.remove(sets("d1"))).status).toBe(404);
  });

  it("is refused with 409 for another uid or an older number", async () => {
    const made = await server.post(sets(), runnerSet("d2"));
    const { resourceVersion } = made.body.metadata;
    await server.merge(sets("d2"), { spec: { replicas: 1 } });
    const uid = await server.remove(sets("d2"), { preconditions: { uid: "other" } });
    const stale = await server.remove(sets("d2"), { preconditions: { resourceVersion } });
    expect([uid.status, stale.status]).toEqual([409, 409]);
    expect(uid.body.message).toContain("the UID in the precondition (other) does not match");
    const right = await server.remove(sets("d2"), {
      preconditions: { uid: made.body.metadata.uid },
    });
    expect(right.status).toBe(200);
  });

  it("waits for finalizers, and ends with the last one", async () => {
    const finalizers = ["example.com/a", "example.com/b"];
    await server.post(sets(), runnerSet("d3", {}, { finalizers }));
    const marked = await server.remove(sets("d3"));
    expect(marked.status).toBe(200);
    expect(marked.body.kind).toBe("EphemeralRunnerSet");
    expect(marked.body.metadata.deletionTimestamp).toBeTruthy();
    const again = await server.remove(sets("d3"));
    const { deletionTimestamp } = marked.body.metadata;
    expect(again.body.metadata.deletionTimestamp).toBe(deletionTimestamp);
    const one = [{ op: "remove", path: "/metadata/finalizers/0" }];
    expect((await server.jsonPatch(sets("d3"), one)).status).toBe(200);
    expect((await server.get(sets("d3"))).body.metadata.finalizers).toEqual(["example.com/b"]);
    const last = await server.merge(sets("d3"), { metadata: { finalizers: null } });
    expect(last.status).toBe(200);
    expect((await server.get(sets("d3"))).status).toBe(404);
  });

  it("takes no new finalizer and does not come back once it has begun", async () => {
    await server.post(sets(), runnerSet("d4", {}, { finalizers: ["example.com/a"] }));
    await server.remove(sets("d4"));
    const added = await server.merge(sets("d4"), {
      metadata: { finalizers: ["example.com/a", "example.com/b"] },
    });
    expect(added.status).toBe(422);
    expect(added.body.message).toContain("no new finalizers can be added");
    const revived = await server.merge(sets("d4"), { metadata: { deletionTimestamp: null } });
    expect(revived.body.metadata.deletionTimestamp).toBeTruthy();
    await server.merge(sets("d4"), { metadata: { finalizers: null } });
    await gone(sets("d4"));
  });

  it("does nothing on a dry run", async () => {
    await server.post(sets(), runnerSet("d5"));
    expect((await server.remove(`${sets("d5")}?dryRun=All`)).status).toBe(200);
    expect((await server.get(sets("d5"))).status).toBe(200);
  });
});

describe("a pod", () => {
  it("that no node has goes at once", async () => {
    await server.post(pods(), pod("p1"));
    const { status, body } = await server.remove(pods("p1"));
    expect(status).toBe(200);
    expect(body.kind).toBe("Pod");
    expect((await server.get(pods("p1"))).status).toBe(404);
  });

  it("on a node gets its grace period, which can be cut short", async () => {
    await server.post(pods(), pod("p2", { nodeName: "node-1", terminationGracePeriodSeconds: 45 }));
    const marked = await server.remove(pods("p2"));
    const { deletionTimestamp = "", creationTimestamp = "" } = marked.body.metadata;
    expect(marked.body.metadata.deletionGracePeriodSeconds).toBe(45);
    const waits = Date.parse(deletionTimestamp) - Date.parse(creationTimestamp);
    expect(waits).toBeGreaterThanOrEqual(45_000);
    expect((await server.get(pods("p2"))).status).toBe(200);
    const shorter = await server.remove(`${pods("p2")}?gracePeriodSeconds=5`);
    expect(shorter.body.metadata.deletionGracePeriodSeconds).toBe(5);
    const longer = await server.remove(`${pods("p2")}?gracePeriodSeconds=500`);
    expect(longer.body.metadata.deletionGracePeriodSeconds).toBe(5);
    await server.remove(pods("p2"), { gracePeriodSeconds: 0 });
    expect((await server.get(pods("p2"))).status).toBe(404);
  });

  it("that has ended goes at once", async () => {
    await server.post(pods(), pod("p3", { nodeName: "node-1" }));
    await server.merge(`${pods("p3")}/status`, { status: { phase: "Succeeded" } });
    await server.remove(pods("p3"));
    expect((await server.get(pods("p3"))).status).toBe(404);
  });

  it("with a finalizer stays when its grace is over", async () => {
    await server.post(pods(), pod("p4", {}, { finalizers: ["example.com/a"] }));
    const marked = await server.remove(pods("p4"));
    expect(marked.body.metadata.deletionTimestamp).toBeTruthy();
    await server.merge(pods("p4"), { metadata: { finalizers: null } });
    expect((await server.get(pods("p4"))).status).toBe(404);
  });
});

describe("what an owner owns", () => {
  it("goes with it in the background", async () => {
    const owner = (await server.post(sets(), runnerSet("o1"))).body;
    const child = (await server.post(maps(), configMap("o1-child", ownedBy(owner)))).body;
    await server.post(
      maps(),
      configMap("o1-grandchild", ownedBy({ ...child, kind: "ConfigMap", apiVersion: "v1" })),
    );
    await server.remove(sets("o1"));
    expect((await server.get(sets("o1"))).status).toBe(404);
    await gone(maps("o1-child"));
    await gone(maps("o1-grandchild"));
  });

  it("goes before it in the foreground", async () => {
    const owner = (await server.post(sets(), runnerSet("o2"))).body;
    const blocks = { blockOwnerDeletion: true };
    const child = configMap("o2-child", {
      ...ownedBy(owner, blocks),
      finalizers: ["example.com/a"],
    });
    await server.post(maps(), child);
    const marked = await server.remove(sets("o2"), { propagationPolicy: "Foreground" });
    expect(marked.body.metadata.finalizers).toEqual(["foregroundDeletion"]);
    await server.eventually("the child to be marked", async () =>
      (await server.get(maps("o2-child"))).body.metadata.deletionTimestamp ? true : undefined,
    );
    expect((await server.get(sets("o2"))).status).toBe(200);
    await server.merge(maps("o2-child"), { metadata: { finalizers: null } });
    await gone(maps("o2-child"));
    await gone(sets("o2"));
  });

  it("stays behind as an orphan", async () => {
    const owner = (await server.post(sets(), runnerSet("o3"))).body;
    await server.post(maps(), configMap("o3-child", ownedBy(owner)));
    await server.remove(sets("o3"), { propagationPolicy: "Orphan" });
    await gone(sets("o3"));
    const { status, body } = await server.get(maps("o3-child"));
    expect(status).toBe(200);
    expect(body.metadata.ownerReferences).toBeUndefined();
  });

  it("goes when its owner never was", async () => {
    const owner = (await server.post(sets(), runnerSet("o4"))).body;
    const ghost = {
      ...owner,
      metadata: { ...owner.metadata, uid: "0f0f0f0f-aaaa-4bbb-8ccc-dddddddddddd" },
    };
    await server.post(maps(), configMap("o4-child", ownedBy(ghost)));
    await gone(maps("o4-child"));
  });

  it("stays while another owner lives", async () => {
    const one = (await server.post(sets(), runnerSet("o5"))).body;
    const two = (await server.post(sets(), runnerSet("o6"))).body;
    const both = [...ownedBy(one).ownerReferences, ...ownedBy(two).ownerReferences];
    await server.post(maps(), configMap("o5-child", { ownerReferences: both }));
    await server.remove(sets("o5"));
    const left = await server.eventually("the dead owner to be forgotten", async () => {
      const owners = (await server.get(maps("o5-child"))).body.metadata.ownerReferences;
      return owners?.length === 1 ? owners : undefined;
    });
    expect(left[0]?.name).toBe("o6");
  });

  it("needs a whole reference", async () => {
    const owner = (await server.post(sets(), runnerSet("o7"))).body;
    const { status, body } = await server.post(
      maps(),
      configMap("o7-child", ownedBy(owner, { uid: "" })),
    );
    expect(status).toBe(422);
    expect(body.message).toContain("metadata.ownerReferences.uid");
  });
});

describe("a namespace", () => {
  it("takes its contents with it and lets nothing new in meanwhile", async () => {
    const doomed = await server.namespace();
    const path = `/api/v1/namespaces/${doomed}`;
    const held = configMap("held", { finalizers: ["example.com/a"] });
    await server.post(`${path}/configmaps`, held);
    await server.post(actions(doomed, "ephemeralrunnersets"), runnerSet("inside"));
    const marked = await server.remove(path);
    expect(marked.status).toBe(200);
    expect(marked.body.metadata.deletionTimestamp).toBeTruthy();
    const late = await server.post(actions(doomed, "ephemeralrunnersets"), runnerSet("late"));
    expect(late.status).toBe(403);
    expect(late.body.message).toContain("because it is being terminated");
    expect(late.body.details).toMatchObject({ causes: [{ reason: "NamespaceTerminating" }] });
    await gone(actions(doomed, "ephemeralrunnersets", "inside"));
    const waiting = await server.get(path);
    expect(waiting.body.status).toMatchObject({ phase: "Terminating" });
    await server.merge(`${path}/configmaps/held`, { metadata: { finalizers: null } });
    await gone(path);
  }, 60_000);
});
