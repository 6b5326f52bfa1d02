import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  actions,
  configMap,
  core,
  openTestServer,
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

describe("creating", () => {
  it("answers 201 with uid, time, generation and a number", async () => {
    const { status, body } = await server.post(sets(), runnerSet("new", { replicas: 2 }));
    expect(status).toBe(201);
    expect(body.metadata).toMatchObject({ name: "new", namespace, generation: 1 });
    expect(body.metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
    expect(body.metadata.resourceVersion).toMatch(/^\d+$/);
    expect(body.metadata.creationTimestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    expect(body.spec).toEqual({ patchID: 0, replicas: 2 });
  });

  it("keeps what a client may set and ignores what it may not", async () => {
    const metadata = {
      uid: "mine",
      generation: 9,
      creationTimestamp: "2001-01-01T00:00:00Z",
      deletionTimestamp: "2001-01-01T00:00:00Z",
      labels: { a: "b" },
      finalizers: ["example.com/f"],
    };
    const { body } = await server.post(sets(), runnerSet("meta", {}, metadata));
    expect(body.metadata).toMatchObject({ labels: { a: "b" }, finalizers: ["example.com/f"] });
    expect(body.metadata.uid).not.toBe("mine");
    expect(body.metadata.generation).toBe(1);
    expect(body.metadata.creationTimestamp).not.toContain("2001");
    expect(body.metadata.deletionTimestamp).toBeUndefined();
  });

  it("answers 409 AlreadyExists for a name that is taken", async () => {
    await server.post(sets(), runnerSet("twice"));
    const { status, body } = await server.post(sets(), runnerSet("twice"));
    expect(status).toBe(409);
    expect(body).toMatchObject({
      reason: "AlreadyExists",
      message: 'ephemeralrunnersets.actions.github.com "twice" already exists',
      details: { name: "twice", group: "actions.github.com", kind: "ephemeralrunnersets" },
    });
  });

  it("makes a name out of generateName", async () => {
    const body = { ...runnerSet(""), metadata: { generateName: "gen-" } };
    const first = await server.post(sets(), body);
    const second = await server.post(sets(), body);
    expect(first.body.metadata.name).toMatch(/^gen-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
    expect(first.body.metadata.generateName).toBe("gen-");
    expect(second.body.metadata.name).not.toBe(first.body.metadata.name);
  });

  it("cuts a long generateName so that the name has 63 characters", async () => {
    const generateName = "g".repeat(80);
    const { body } = await server.post(sets(), { ...runnerSet(""), metadata: { generateName } });
    expect(body.metadata.name).toHaveLength(63);
  });

  it("refuses a name that is none, and none at all", async () => {
    const bad = await server.post(sets(), runnerSet("Not_A_Name"));
    const none = await server.post(sets(), { ...runnerSet(""), metadata: {} });
    expect(bad.status).toBe(422);
    expect(bad.body.message).toContain("a lowercase RFC 1123 subdomain must consist of");
    expect(none.status).toBe(422);
    expect(none.body.message).toContain("metadata.name: Required value: name or generateName");
  });

  it("answers 404 for a namespace that is not there", async () => {
    const { status, body } = await server.post(
      core("nowhere-at-all", "configmaps"),
      configMap("x"),
    );
    expect(status).toBe(404);
    expect(body.message).toBe('namespaces "nowhere-at-all" not found');
  });

  it("refuses a body that is for another namespace or of another kind", async () => {
    const other = await server.post(sets(), runnerSet("x", {}, { namespace: "default" }));
    const kind = await server.post(sets(), { ...runnerSet("x"), kind: "EphemeralRunner" });
    const none = await server.post(sets(), { metadata: { name: "x" }, spec: { patchID: 1 } });
    const apiVersion = "actions.github.com/v9";
    const version = await server.post(sets(), { ...runnerSet("x"), apiVersion });
    const secret = { apiVersion: "v1", kind: "Secret", metadata: { name: "x" } };
    const builtIn = await server.post(core(namespace, "configmaps"), secret);
    expect([other.status, none.status, version.status, builtIn.status]).toEqual([
      400, 400, 400, 400,
    ]);
    expect(kind.status).toBe(422);
    expect(kind.body.message).toContain('kind: Invalid value: "EphemeralRunner": must be');
  });

  it("writes nothing on a dry run", async () => {
    const dry = await server.post(`${sets()}?dryRun=All`, runnerSet("dry"));
    expect(dry.status).toBe(201);
    expect((await server.get(sets("dry"))).status).toBe(404);
  });
});

describe("the schema of a custom resource", () => {
  it("prunes an unknown field with a warning", async () => {
    const { status, body, headers } = await server.post(sets(), runnerSet("pruned", { bogus: 1 }));
    expect(status).toBe(201);
    expect(body.spec).toEqual({ patchID: 0 });
    expect(headers.get("warning")).toContain('unknown field \\"spec.bogus\\"');
  });

  it("refuses an unknown field in strict mode", async () => {
    const path = `${sets()}?fieldValidation=Strict`;
    const { status, body } = await server.post(path, runnerSet("strict", { bogus: 1 }));
    expect(status).toBe(400);
    expect(body.message).toContain('strict decoding error: unknown field "spec.bogus"');
  });

  it("names each wrong field with its reason", async () => {
    const spec = { replicas: "x", patchID: undefined };
    const { status, body } = await server.post(sets(), runnerSet("wrong", spec));
    expect(status).toBe(422);
    expect(body).toMatchObject({ reason: "Invalid", details: { kind: "EphemeralRunnerSet" } });
    expect(body.details).toMatchObject({
      causes: expect.arrayContaining([
        {
          reason: "FieldValueTypeInvalid",
          message:
            'Invalid value: "string": spec.replicas in body must be of type integer: "string"',
          field: "spec.replicas",
        },
        { reason: "FieldValueRequired", message: "Required value", field: "spec.patchID" },
      ]),
    });
  });

  it("keeps everything inside a pod template and fills in defaults there", async () => {
    const container = { name: "runner", image: "x", ports: [{ containerPort: 80 }], tty: true };
    const runner = {
      githubConfigUrl: "u",
      githubConfigSecret: "s",
      runnerScaleSetId: 1,
      metadata: { labels: { a: "b" }, annotations: { c: "d" } },
      spec: { containers: [container], hostNetwork: true },
      githubServerTLS: { certificateFrom: { configMapKeyRef: { key: "ca.crt" } } },
    };
    const { body } = await server.post(sets(), runnerSet("pod", { ephemeralRunnerSpec: runner }));
    const port = { containerPort: 80, protocol: "TCP" };
    expect(body.spec).toMatchObject({
      ephemeralRunnerSpec: {
        metadata: runner.metadata,
        spec: { containers: [{ ...container, ports: [port] }], hostNetwork: true },
        githubServerTLS: { certificateFrom: { configMapKeyRef: { key: "ca.crt", name: "" } } },
      },
    });
  });

  it("refuses a template without containers", async () => {
    const runner = { githubConfigUrl: "u", githubConfigSecret: "s", runnerScaleSetId: 1, spec: {} };
    const body = runnerSet("empty", { ephemeralRunnerSpec: runner });
    const refused = await server.post(sets(), body);
    expect(refused.status).toBe(422);
    expect(refused.body.message).toContain("spec.ephemeralRunnerSpec.spec.containers: Required");
  });

  it("refuses a count below its minimum", async () => {
    const set = { kind: "AutoscalingRunnerSet", apiVersion: "actions.github.com/v1alpha1" };
    const body = { ...set, metadata: { name: "less" }, spec: { minRunners: -1 } };
    const { status, body: refusal } = await server.post(
      actions(namespace, "autoscalingrunnersets"),
      body,
    );
    expect(status).toBe(422);
    expect(refusal.message).toContain("should be greater than or equal to 0");
  });
});

describe("status and generation", () => {
  it("ignores a status when it creates, and the status in a change of the object", async () => {
    const body = { ...runnerSet("s1"), status: { currentReplicas: 4 } };
    const made = await server.post(sets(), body);
    expect(made.body.status).toBeUndefined();
    await server.merge(`${sets("s1")}/status`, { status: { currentReplicas: 1 } });
    const changed = await server.merge(sets("s1"), {
      spec: { replicas: 3 },
      status: { currentReplicas: 9 },
    });
    expect(changed.body.status).toEqual({ currentReplicas: 1 });
    expect(changed.body.spec).toEqual({ patchID: 0, replicas: 3 });
  });

  it("changes nothing but the status through the status subresource", async () => {
    const made = await server.post(sets(), runnerSet("s2", { replicas: 1 }));
    const { status, body } = await server.merge(`${sets("s2")}/status`, {
      metadata: { labels: { x: "y" } },
      spec: { replicas: 7 },
      status: { currentReplicas: 2 },
    });
    expect(status).toBe(200);
    expect(body.status).toEqual({ currentReplicas: 2 });
    expect(body.spec).toEqual({ patchID: 0, replicas: 1 });
    expect(body.metadata.labels).toBeUndefined();
    expect(body.metadata.generation).toBe(1);
    expect(body.metadata.resourceVersion).not.toBe(made.body.metadata.resourceVersion);
  });

  it("counts changes of the spec only", async () => {
    await server.post(sets(), runnerSet("g"));
    const labelled = await server.merge(sets("g"), { metadata: { labels: { a: "b" } } });
    const scaled = await server.merge(sets("g"), { spec: { replicas: 1 } });
    expect(labelled.body.metadata.generation).toBe(1);
    expect(scaled.body.metadata.generation).toBe(2);
  });

  it("requires in the status what the schema requires", async () => {
    await server.post(sets(), runnerSet("s3"));
    const refused = await server.merge(`${sets("s3")}/status`, { status: { phase: "Running" } });
    expect(refused.status).toBe(422);
    expect(refused.body.message).toContain("status.currentReplicas: Required value");
  });

  it("keeps a whole number of 64 bits to the last digit", async () => {
    const runners = actions(namespace, "ephemeralrunners");
    const spec = { githubConfigUrl: "u", githubConfigSecret: "s", runnerScaleSetId: 1 };
    const runner = {
      apiVersion: "actions.github.com/v1alpha1",
      kind: "EphemeralRunner",
      metadata: { name: "big" },
      spec: { ...spec, spec: { containers: [{ name: "runner" }] } },
    };
    await server.post(runners, runner);
    const jobRequestId = 9_007_199_254_740_993n;
    await server.merge(`${runners}/big/status`, { status: { jobRequestId } });
    const { text, body } = await server.get(`${runners}/big`);
    expect(text).toMatch(/"jobRequestId":\s*9007199254740993\b/);
    expect(body.status).toEqual({ jobRequestId });
  });
});

describe("replacing (PUT)", () => {
  it("needs the number of what it replaces, for a custom resource", async () => {
    await server.post(sets(), runnerSet("p1"));
    const body = runnerSet("p1", { replicas: 5 });
    const { status, body: refusal } = await server.call("PUT", sets("p1"), { body });
    expect(status).toBe(422);
    expect(refusal.message).toContain("metadata.resourceVersion: Invalid value");
  });

  it("answers 409 Conflict when the object has changed since", async () => {
    const made = await server.post(sets(), runnerSet("p2"));
    await server.merge(sets("p2"), { spec: { replicas: 1 } });
    const { resourceVersion } = made.body.metadata;
    const body = runnerSet("p2", { replicas: 5 }, { resourceVersion });
    const { status, body: refusal } = await server.call("PUT", sets("p2"), { body });
    expect(status).toBe(409);
    expect(refusal).toMatchObject({ reason: "Conflict" });
    expect(refusal.message).toContain("the object has been modified; please apply your changes");
  });

  it("replaces spec and labels and leaves the status", async () => {
    const labels = { a: "b" };
    await server.post(sets(), runnerSet("p3", { replicas: 1 }, { labels }));
    const set = await server.merge(`${sets("p3")}/status`, { status: { currentReplicas: 1 } });
    const { resourceVersion } = set.body.metadata;
    const body = runnerSet("p3", { patchID: 4 }, { resourceVersion });
    const put = await server.call("PUT", sets("p3"), { body });
    expect(put.status).toBe(200);
    expect(put.body.spec).toEqual({ patchID: 4 });
    expect(put.body.metadata.labels).toBeUndefined();
    expect(put.body.status).toEqual({ currentReplicas: 1 });
  });

  it("writes nothing when nothing changes", async () => {
    const made = await server.post(sets(), runnerSet("p4", { replicas: 1 }));
    const again = await server.merge(sets("p4"), { spec: { replicas: 1 } });
    expect(again.status).toBe(200);
    expect(again.body.metadata.resourceVersion).toBe(made.body.metadata.resourceVersion);
  });
});

describe("secrets and config maps", () => {
  it("turns stringData into data", async () => {
    const path = core(namespace, "secrets");
    const { body } = await server.post(path, { metadata: { name: "s" }, stringData: { a: "b" } });
    expect(body).toMatchObject({ data: { a: "Yg==" }, type: "Opaque" });
    expect(body.stringData).toBeUndefined();
  });

  it("refuses data that is not base64, and keys that are no file names", async () => {
    const secret = await server.post(core(namespace, "secrets"), {
      metadata: { name: "bad" },
      data: { a: "%%" },
    });
    const map = await server.post(core(namespace, "configmaps"), {
      metadata: { name: "bad" },
      data: { "a/b": "c" },
    });
    expect(secret.status).toBe(400);
    expect(map.status).toBe(422);
  });

  it("may be replaced without a number", async () => {
    const path = core(namespace, "configmaps");
    await server.post(path, configMap("free"));
    const body = configMap("free", {}, { a: "b" });
    const put = await server.call("PUT", `${path}/free`, { body });
    expect(put.status).toBe(200);
    expect(put.body.data).toEqual({ a: "b" });
  });
});
