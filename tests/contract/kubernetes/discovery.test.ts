import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { list, record, textAt, type JsonObject } from "@runlet/simulators/kube-api/api-object";
import { actions, core, openTestServer, pod, runnerSet, type TestServer } from "./test-server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await openTestServer();
});
afterAll(() => server.close());

const ours = ["autoscalingrunnersets", "ephemeralrunners", "ephemeralrunnersets"];

describe("discovery", () => {
  it("names our kinds with their status in the aggregated form", async () => {
    const accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    const { status, body } = await server.call("GET", "/apis", { accept });
    expect(status).toBe(200);
    expect(body.kind).toBe("APIGroupDiscoveryList");
    const group = list(body.items).find(
      (item) => textAt(item, "metadata", "name") === "actions.github.com",
    );
    const version = record(list(record(group).versions)[0]);
    const resources = list(version.resources).map(record);
    const names = resources.map((resource) => String(resource.resource));
    expect(names).toEqual(expect.arrayContaining(ours));
    const set = resources.find((resource) => resource.resource === "ephemeralrunnersets");
    expect(set).toMatchObject({ scope: "Namespaced", singularResource: "ephemeralrunnerset" });
    expect(list(set?.subresources)).toMatchObject([{ subresource: "status" }]);
  });

  it("names them group by group for older clients", async () => {
    const groups = await server.get("/apis");
    const names = list(groups.body.groups).map((group) => textAt(group, "name"));
    expect(names).toEqual(expect.arrayContaining(["actions.github.com", "apps"]));
    const { body } = await server.get("/apis/actions.github.com/v1alpha1");
    expect(body.kind).toBe("APIResourceList");
    const resources = list(body.resources).map((resource) => textAt(resource, "name"));
    expect(resources).toEqual(expect.arrayContaining([...ours, "ephemeralrunnersets/status"]));
    const core = await server.get("/api/v1");
    const core1 = list(core.body.resources).map((resource) => textAt(resource, "name"));
    expect(core1).toEqual(expect.arrayContaining(["pods", "pods/log", "secrets", "namespaces"]));
  });

  it("answers 404 for groups and kinds that are not there", async () => {
    const answers = await Promise.all([
      server.get("/apis/none.example.com/v1/things"),
      server.get("/api/v1/things"),
      server.get("/apis/actions.github.com/v9/ephemeralrunners"),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([404, 404, 404]);
  });

  it("serves a kind from the moment its definition is there, and no longer than that", async () => {
    const path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    const name = "things.example.com";
    const schema = { openAPIV3Schema: { type: "object" } };
    const definition = {
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      metadata: { name },
      spec: {
        group: "example.com",
        scope: "Namespaced",
        names: { kind: "Thing", plural: "things" },
        versions: [{ name: "v1", served: true, storage: true, schema }],
      },
    };
    expect((await server.post(path, definition)).status).toBe(201);
    const serves = async (status: number) =>
      (await server.get("/apis/example.com/v1/things")).status === status ? true : undefined;
    await server.eventually("the kind to be served", () => serves(200));
    const { body } = await server.get(`${path}/${name}`);
    expect(body.status).toMatchObject({ acceptedNames: { kind: "Thing", singular: "thing" } });
    await server.remove(`${path}/${name}`);
    await server.eventually("the kind to be gone", () => serves(404));
  });

  it("refuses a definition whose name is not its own", async () => {
    const { status, body } = await server.post(
      "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
      {
        metadata: { name: "wrong.example.com" },
        spec: {
          group: "example.com",
          scope: "Namespaced",
          names: { kind: "Thing", plural: "things" },
          versions: [{ name: "v1", served: true, storage: true }],
        },
      },
    );
    expect(status).toBe(422);
    expect(body.message).toContain('metadata.name: Invalid value: "wrong.example.com"');
    expect(body.message).toContain("schema.openAPIV3Schema: Required value");
  });
});

describe("a table", () => {
  const accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
  const table = async (path: string) => {
    const { body } = await server.call("GET", path, { accept });
    expect(body.kind).toBe("Table");
    const columns = list(body.columnDefinitions).map((column) => textAt(column, "name"));
    const cells = list(body.rows).map((row) => list(record(row).cells));
    return { columns, cells, body: body as JsonObject };
  };

  it("has the columns of the definition, and cells only where there is a value", async () => {
    const namespace = await server.namespace();
    const path = actions(namespace, "ephemeralrunnersets");
    await server.post(path, runnerSet("a", { replicas: 3 }));
    await server.merge(`${path}/a/status`, { status: { currentReplicas: 2, phase: "Running" } });
    const { columns, cells } = await table(path);
    expect(columns).toEqual([
      "Name",
      "DesiredReplicas",
      "CurrentReplicas",
      "Pending Runners",
      "Running Runners",
      "Busy Runners",
      "Phase",
    ]);
    expect(cells).toEqual([["a", 3, 2, null, null, null, "Running"]]);
  });

  it("shows pods with the word that matters", async () => {
    const namespace = await server.namespace();
    const path = core(namespace, "pods");
    await server.post(path, pod("a"));
    await server.post(path, pod("b", { nodeName: "node-1" }));
    const state = { terminated: { exitCode: 1, reason: "Error" } };
    const container = { name: "runner", ready: false, restartCount: 0, image: "i", imageID: "" };
    await server.merge(`${path}/b/status`, {
      status: { phase: "Failed", containerStatuses: [{ ...container, state }] },
    });
    const { columns, cells } = await table(path);
    expect(columns.slice(0, 5)).toEqual(["Name", "Ready", "Status", "Restarts", "Age"]);
    expect(cells.map((row) => row.slice(0, 3))).toEqual([
      ["a", "0/1", "Pending"],
      ["b", "0/1", "Error"],
    ]);
  });

  it("carries the metadata of each row, or nothing of it", async () => {
    const namespace = await server.namespace();
    const path = actions(namespace, "ephemeralrunnersets");
    await server.post(path, runnerSet("a", {}, { labels: { x: "y" } }));
    const whole = list((await table(path)).body.rows)[0];
    const bare = list((await table(`${path}?includeObject=None`)).body.rows)[0];
    expect(record(record(whole).object)).toMatchObject({
      kind: "PartialObjectMetadata",
      metadata: { name: "a", labels: { x: "y" } },
    });
    expect(record(bare).object ?? null).toBeNull();
  });

  it("comes event by event in a watch, with columns once", async () => {
    const namespace = await server.namespace();
    const path = actions(namespace, "ephemeralrunnersets");
    await server.post(path, runnerSet("a"));
    const watch = await server.watch(`${path}?watch=true&timeoutSeconds=1`, { accept });
    await server.merge(`${path}/a`, { spec: { replicas: 1 } });
    const events = await watch.rest(1_500);
    const columns = events.map((event) => list(event.object.columnDefinitions).length);
    const cells = events.map((event) => list(record(list(event.object.rows)[0]).cells).slice(0, 2));
    expect(events.map((event) => event.type)).toEqual(["ADDED", "MODIFIED"]);
    expect(columns).toEqual([7, 0]);
    expect(cells).toEqual([
      ["a", null],
      ["a", 1],
    ]);
  });
});
