import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { at } from "@runlet/simulators/kube-api/api-object";
import { core, openTestServer, pod, type TestServer } from "./test-server.ts";

let server: TestServer;
let namespace: string;
beforeAll(async () => {
  server = await openTestServer();
  namespace = await server.namespace();
});
afterAll(() => server.close());

const pods = (name = "") => core(namespace, "pods", name);

/** On a real cluster a quota counts from the moment its controller has filled in the status. */
async function isCounted(where: string): Promise<boolean> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const { body } = await server.get(core(where, "resourcequotas", "few"));
    if (at(body, "status", "hard") !== undefined) return true;
    await server.pass(100);
  }
  return false;
}

describe("a new pod", () => {
  it("is Pending, with the defaults filled in", async () => {
    const { status, body } = await server.post(pods(), pod("new"));
    expect(status).toBe(201);
    expect(body.status).toMatchObject({ phase: "Pending" });
    expect(body.metadata.generation).toBe(1);
    expect(body.spec).toMatchObject({
      restartPolicy: "Never",
      serviceAccountName: "default",
      terminationGracePeriodSeconds: 30,
      dnsPolicy: "ClusterFirst",
      containers: [{ name: "runner", imagePullPolicy: "IfNotPresent", resources: {} }],
    });
  });

  it.each([
    ["no containers", { containers: [] }, "spec.containers: Required value"],
    ["a container without an image", { containers: [{ name: "a" }] }, "image: Required value"],
    ["a bad container name", { containers: [{ name: "A", image: "a" }] }, "RFC 1123 label"],
    [
      "two containers of one name",
      {
        containers: [
          { name: "a", image: "a" },
          { name: "a", image: "a" },
        ],
      },
      'spec.containers[1].name: Duplicate value: "a"',
    ],
    ["a bad restart policy", { restartPolicy: "Sometimes" }, 'Unsupported value: "Sometimes"'],
    [
      "a variable without a name",
      { containers: [{ name: "a", image: "a", env: [{ value: "x" }] }] },
      "spec.containers[0].env[0].name: Required value",
    ],
  ])("with %s is refused with 422", async (_what, spec, message) => {
    const { status, body } = await server.post(pods(), pod("bad", spec));
    expect(status).toBe(422);
    expect(body.message).toContain(message);
  });

  it("of an unknown priority class or service account is refused with 403", async () => {
    const priority = await server.post(pods(), pod("bad", { priorityClassName: "none-such" }));
    const account = await server.post(pods(), pod("bad", { serviceAccountName: "none-such" }));
    expect([priority.status, account.status]).toEqual([403, 403]);
    expect(priority.body.message).toBe(
      'pods "bad" is forbidden: no PriorityClass with name none-such was found',
    );
    expect(account.body.message).toContain('serviceaccount "none-such" not found');
  });

  it("beyond the namespace's quota is refused with 403", async (context) => {
    const other = await server.namespace();
    const quota = { metadata: { name: "few" }, spec: { hard: { pods: "1" } } };
    await server.post(core(other, "resourcequotas"), quota);
    if (server.real && !(await isCounted(other))) context.skip("nobody counts quotas here");
    expect((await server.post(core(other, "pods"), pod("one"))).status).toBe(201);
    const { status, body } = await server.post(core(other, "pods"), pod("two"));
    expect(status).toBe(403);
    expect(body.message).toBe(
      'pods "two" is forbidden: exceeded quota: few, requested: pods=1, used: pods=1, limited: pods=1',
    );
  });
});

describe("a pod that exists", () => {
  it("keeps its spec but for the image", async () => {
    await server.post(pods(), pod("fixed"));
    const other = await server.merge(pods("fixed"), { spec: { hostname: "x" } });
    expect(other.status).toBe(422);
    expect(other.body.message).toContain("pod updates may not change fields other than");
    const image = [{ op: "replace", path: "/spec/containers/0/image", value: "runner:2" }];
    const changed = await server.jsonPatch(pods("fixed"), image);
    expect(changed.status).toBe(200);
    expect(changed.body.metadata.generation).toBe(2);
  });

  it("is bound to a node once", async () => {
    await server.post(pods(), pod("bound"));
    const bind = (node: string) =>
      server.post(`${pods("bound")}/binding`, {
        apiVersion: "v1",
        kind: "Binding",
        metadata: { name: "bound" },
        target: { kind: "Node", name: node },
      });
    expect((await bind("node-1")).status).toBe(201);
    const { body } = await server.get(pods("bound"));
    expect(body.spec).toMatchObject({ nodeName: "node-1" });
    expect(body.status).toMatchObject({ conditions: [{ type: "PodScheduled", status: "True" }] });
    expect((await bind("node-2")).status).toBe(409);
  });

  it("takes status and labels, but no spec, through its status", async () => {
    await server.post(pods(), pod("told"));
    const { status, body } = await server.merge(`${pods("told")}/status`, {
      metadata: { labels: { a: "b" } },
      spec: { hostname: "x" },
      status: { phase: "Running", reason: "Because" },
    });
    expect(status).toBe(200);
    expect(body.metadata.labels).toEqual({ a: "b" });
    expect(body.status).toMatchObject({ phase: "Running", reason: "Because" });
    expect(body.spec).not.toHaveProperty("hostname");
  });

  it("has an empty log before it has a node", async () => {
    await server.post(pods(), pod("mute"));
    const { status, text } = await server.get(`${pods("mute")}/log`);
    expect([status, text]).toEqual([204, ""]);
    const other = await server.get(`${pods("mute")}/log?container=nobody`);
    expect(other.status).toBe(400);
    expect(other.body.message).toContain("container nobody is not valid for pod mute");
  });
});
