// Why: the bed itself must be what it claims to be: a real API server that refuses, watches, collects
// garbage and comes back, and real clients.
import { execFileSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createSystemClock } from "@runlet/runtime/clock";
import { createHttpFetch, type HttpFetch } from "@runlet/runtime/http";
import { getClientBinaries, getControlPlaneBinaries } from "./binaries.ts";
import { startControlPlane, type ControlPlane } from "./control-plane.ts";

const clock = createSystemClock();
let plane: ControlPlane;
let fetch: HttpFetch;

beforeAll(async () => {
  plane = await startControlPlane({ controllers: true, users: { nobody: [] } });
  fetch = createHttpFetch({ clock, onlyCa: [plane.caPem] });
});
afterAll(async () => {
  fetch?.close();
  await plane?.stop();
});

interface Answer {
  status: number;
  body: Record<string, unknown>;
}

async function call(method: string, path: string, options: { as?: string; body?: unknown } = {}) {
  const authorization = `Bearer ${options.as ?? plane.adminToken}`;
  const response = await fetch(`${plane.server}${path}`, {
    method,
    headers: { authorization, "content-type": "application/json" },
    ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
  });
  const answer: Answer = { status: response.status, body: JSON.parse(await response.text()) };
  return answer;
}

const configMap = (name: string, owner?: object) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, ...(owner && { ownerReferences: [owner] }) },
});
const maps = "/api/v1/namespaces/default/configmaps";

describe("the control plane", () => {
  test("calls itself by the version it was built from", async () => {
    const { apiServer } = await getControlPlaneBinaries();
    const said = execFileSync(apiServer, ["--version"], { encoding: "utf8" });
    const { body } = await call("GET", "/version");
    expect(said.trim()).toBe(`Kubernetes ${String(body["gitVersion"])}`);
    expect(body["gitVersion"]).toMatch(/^v1\.\d+\.\d+$/);
  });

  test("authenticates and authorises: a user without a role may not read", async () => {
    const refused = await call("GET", maps, { as: plane.tokenFor("nobody") });
    expect(refused.status).toBe(403);
    expect((await call("GET", maps, { as: "wrong" })).status).toBe(401);
    expect(() => plane.tokenFor("somebody")).toThrow(/no token was made/);
  });

  test("gives tokens to service accounts", async () => {
    const token = await plane.serviceAccountToken("default", "default");
    const answer = await call("GET", maps, { as: token });
    expect(answer.status).toBe(403);
    expect(answer.body["message"]).toContain("system:serviceaccount:default:default");
  });

  test("collects what an owner leaves behind", async () => {
    const owner = await call("POST", maps, { body: configMap("owner") });
    const { uid } = owner.body["metadata"] as { uid: string };
    const reference = { apiVersion: "v1", kind: "ConfigMap", name: "owner", uid };
    await call("POST", maps, { body: configMap("owned", reference) });
    expect((await call("GET", `${maps}/owned`)).status).toBe(200);
    await call("DELETE", `${maps}/owner`);
    await expect
      .poll(async () => (await call("GET", `${maps}/owned`)).status, { timeout: 30_000 })
      .toBe(404);
  });

  test("answers 410 to a watch from before its restart", async () => {
    const before = await call("POST", maps, { body: configMap("early") });
    const { resourceVersion } = before.body["metadata"] as { resourceVersion: string };
    await call("POST", maps, { body: configMap("later") });
    await plane.restartApiServer();
    const query = `watch=1&resourceVersion=${resourceVersion}&timeoutSeconds=5`;
    const response = await fetch(`${plane.server}${maps}?${query}`, {
      headers: { authorization: `Bearer ${plane.adminToken}` },
    });
    expect(await response.text()).toContain('"code":410');
  });
});

test("kubectl and helm are the real ones and reach it", async () => {
  const { kubectl, helm } = await getClientBinaries();
  const env = { ...process.env, KUBECONFIG: plane.kubeconfigPath };
  const run = (file: string, ...args: string[]) => execFileSync(file, args, { env }).toString();
  expect(run(kubectl, "version")).toMatch(
    /Client Version: v1\.36\.\d[\s\S]*Server Version: v1\.3\d\.\d/,
  );
  expect(run(kubectl, "get", "namespace", "default", "-o", "name")).toBe("namespace/default\n");
  expect(run(helm, "version", "--short")).toMatch(/^v4\./);
});
