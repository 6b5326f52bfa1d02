import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { JsonObject } from "@runlet/simulators/kube-api/api-object";
import {
  actions,
  configMap,
  core,
  openTestServer,
  runnerSet,
  type TestServer,
} from "./test-server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await openTestServer();
});
afterAll(() => server.close());

const rbac = "/apis/rbac.authorization.k8s.io/v1";

/** A namespace with an account that may do what `rules` say there. */
async function accountWith(rules: JsonObject[]) {
  const namespace = await server.namespace();
  const token = await server.account(namespace, "bot");
  const within = `${rbac}/namespaces/${namespace}`;
  await server.post(`${within}/roles`, { metadata: { name: "r" }, rules });
  await server.post(`${within}/rolebindings`, {
    metadata: { name: "b" },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "r" },
    subjects: [{ kind: "ServiceAccount", name: "bot", namespace }],
  });
  const as = (method: string, path: string, body?: unknown) =>
    server.call(method, path, {
      token,
      body,
      ...(method === "PATCH" ? { contentType: "application/merge-patch+json" } : {}),
    });
  return { namespace, token, as };
}

const allowed = (
  account: { as: (method: string, path: string) => Promise<{ status: number }> },
  path: string,
) =>
  server.eventually("the role to count", async () =>
    (await account.as("GET", path)).status === 200 ? true : undefined,
  );

describe("who asks", () => {
  it("is told 401 for a token that is none", async () => {
    const { status, body } = await server.call("GET", "/api/v1/pods", { token: "nonsense" });
    expect(status).toBe(401);
    expect(body).toMatchObject({ kind: "Status", reason: "Unauthorized", code: 401 });
  });

  it("without a token may ask for the version only", async () => {
    const version = await server.call("GET", "/version", { token: "" });
    const list = await server.call("GET", "/api/v1/pods", { token: "" });
    expect(version.status).toBe(200);
    expect(list.status).toBe(403);
    expect(list.body.message).toBe(
      'pods is forbidden: User "system:anonymous" cannot list resource "pods" in API group "" ' +
        "at the cluster scope",
    );
  });

  it("with a service account's token is that account", async () => {
    const namespace = await server.namespace();
    const token = await server.account(namespace, "bot");
    const review = { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" };
    const path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    const { status, body } = await server.call("POST", path, { token, body: review });
    expect(status).toBe(201);
    const groups = [
      "system:serviceaccounts",
      `system:serviceaccounts:${namespace}`,
      "system:authenticated",
    ];
    expect(body.status).toMatchObject({
      userInfo: { username: `system:serviceaccount:${namespace}:bot`, groups },
    });
  });
});

describe("a role", () => {
  it("allows what it names and nothing else", async () => {
    const account = await accountWith([
      { apiGroups: [""], resources: ["configmaps"], verbs: ["get", "list"] },
    ]);
    const path = core(account.namespace, "configmaps");
    await server.post(path, configMap("a"));
    await allowed(account, path);
    expect((await account.as("GET", `${path}/a`)).status).toBe(200);
    const create = await account.as("POST", path, configMap("b"));
    expect(create.status).toBe(403);
    expect(create.body.message).toBe(
      `configmaps is forbidden: User "system:serviceaccount:${account.namespace}:bot" cannot ` +
        `create resource "configmaps" in API group "" in the namespace "${account.namespace}"`,
    );
    const refusals = await Promise.all([
      account.as("GET", `${path}?watch=true&timeoutSeconds=1`),
      account.as("PATCH", `${path}/a`, {}),
      account.as("DELETE", `${path}/a`),
      account.as("GET", "/api/v1/configmaps"),
      account.as("GET", core("default", "configmaps")),
      account.as("GET", core(account.namespace, "secrets")),
    ]);
    expect(refusals.map(({ status }) => status)).toEqual([403, 403, 403, 403, 403, 403]);
  });

  it("names subresources apart from the resource", async () => {
    const account = await accountWith([
      { apiGroups: ["actions.github.com"], resources: ["ephemeralrunnersets"], verbs: ["get"] },
      {
        apiGroups: ["actions.github.com"],
        resources: ["ephemeralrunnersets/status"],
        verbs: ["patch"],
      },
    ]);
    const path = actions(account.namespace, "ephemeralrunnersets", "a");
    await server.post(actions(account.namespace, "ephemeralrunnersets"), runnerSet("a"));
    await allowed(account, path);
    const patch = { status: { currentReplicas: 1 } };
    expect((await account.as("PATCH", `${path}/status`, patch)).status).toBe(200);
    const whole = await account.as("PATCH", path, { spec: { replicas: 1 } });
    expect(whole.status).toBe(403);
    expect(whole.body.message).toContain('cannot patch resource "ephemeralrunnersets"');
    expect((await account.as("GET", `${path}/status`)).status).toBe(403);
  });

  it("is narrowed by resourceNames", async () => {
    const account = await accountWith([
      { apiGroups: [""], resources: ["secrets"], resourceNames: ["mine"], verbs: ["get"] },
    ]);
    const path = core(account.namespace, "secrets");
    for (const name of ["mine", "other"]) await server.post(path, { metadata: { name } });
    await allowed(account, `${path}/mine`);
    expect((await account.as("GET", `${path}/other`)).status).toBe(403);
    expect((await account.as("GET", path)).status).toBe(403);
  });

  it("stops to count when it or its binding goes", async () => {
    const account = await accountWith([{ apiGroups: ["*"], resources: ["*"], verbs: ["*"] }]);
    const path = core(account.namespace, "configmaps");
    await allowed(account, path);
    await server.remove(`${rbac}/namespaces/${account.namespace}/rolebindings/b`);
    await server.eventually("the binding to be forgotten", async () =>
      (await account.as("GET", path)).status === 403 ? true : undefined,
    );
  });

  it("of the cluster counts in one namespace when it is bound there", async () => {
    const namespace = await server.namespace();
    const token = await server.account(namespace, "bot");
    const name = `reader-${namespace}`;
    const rules = [{ apiGroups: [""], resources: ["pods"], verbs: ["list"] }];
    await server.post(`${rbac}/clusterroles`, { metadata: { name }, rules });
    await server.post(`${rbac}/namespaces/${namespace}/rolebindings`, {
      metadata: { name: "b" },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name },
      subjects: [{ kind: "ServiceAccount", name: "bot", namespace }],
    });
    const list = (path: string) => server.call("GET", path, { token });
    await server.eventually("the binding to count", async () =>
      (await list(core(namespace, "pods"))).status === 200 ? true : undefined,
    );
    expect((await list("/api/v1/pods")).status).toBe(403);
    await server.post(`${rbac}/clusterrolebindings`, {
      metadata: { name },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name },
      subjects: [{ kind: "ServiceAccount", name: "bot", namespace }],
    });
    await server.eventually("the cluster's binding to count", async () =>
      (await list("/api/v1/pods")).status === 200 ? true : undefined,
    );
  });

  it("tells an account what it may do", async () => {
    const account = await accountWith([
      { apiGroups: [""], resources: ["configmaps"], verbs: ["get"] },
    ]);
    await server.post(core(account.namespace, "configmaps"), configMap("a"));
    await allowed(account, core(account.namespace, "configmaps", "a"));
    const ask = async (verb: string, resource: string) => {
      const { namespace } = account;
      const { body } = await account.as(
        "POST",
        "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
        {
          apiVersion: "authorization.k8s.io/v1",
          kind: "SelfSubjectAccessReview",
          spec: { resourceAttributes: { namespace, verb, resource } },
        },
      );
      return (body.status as { allowed: boolean }).allowed;
    };
    expect(await ask("get", "configmaps")).toBe(true);
    expect(await ask("delete", "configmaps")).toBe(false);
  });

  it("cannot change what a binding refers to", async () => {
    const { namespace } = await accountWith([]);
    const path = `${rbac}/namespaces/${namespace}/rolebindings/b`;
    const { status, body } = await server.merge(path, { roleRef: { name: "other" } });
    expect(status).toBe(422);
    expect(body.message).toContain("cannot change roleRef");
  });
});
