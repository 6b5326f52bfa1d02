import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ApiObject } from "@runlet/simulators/kube-api/api-object";
import { configMap, core, openTestServer, pod, type TestServer } from "./test-server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await openTestServer();
});
afterAll(() => server.close());

interface List {
  kind: string;
  metadata: { resourceVersion: string; continue?: string; remainingItemCount?: number };
  items: ApiObject[];
}
const asList = (body: unknown) => body as List;
const names = (body: unknown) => asList(body).items.map((item) => item.metadata.name);

async function withMaps(...wanted: [string, Record<string, string>][]) {
  const namespace = await server.namespace();
  const path = core(namespace, "configmaps");
  for (const [name, labels] of wanted) await server.post(path, configMap(name, { labels }));
  return { namespace, path };
}
/** A real cluster puts one of its own into every namespace. */
const mine = "fieldSelector=metadata.name!=kube-root-ca.crt";

describe("a list", () => {
  it("holds every object in the order of names, and the number to watch from", async () => {
    const { path } = await withMaps(["b", {}], ["a", {}], ["c", {}]);
    const { status, body } = await server.get(`${path}?${mine}`);
    expect(status).toBe(200);
    expect(body.kind).toBe("ConfigMapList");
    expect(names(body)).toEqual(["a", "b", "c"]);
    const latest = Math.max(...asList(body).items.map((i) => Number(i.metadata.resourceVersion)));
    expect(Number(body.metadata.resourceVersion)).toBeGreaterThanOrEqual(latest);
  });

  it("covers all namespaces or one", async () => {
    const one = await withMaps();
    const two = await withMaps();
    const who = one.namespace;
    await server.post(one.path, configMap("only-here", { labels: { who } }));
    await server.post(two.path, configMap("only-there", { labels: { who } }));
    const all = await server.get(`/api/v1/configmaps?labelSelector=who=${who}`);
    expect(names(all.body).toSorted()).toEqual(["only-here", "only-there"]);
    const here = await server.get(`${one.path}?labelSelector=who=${who}`);
    expect(names(here.body)).toEqual(["only-here"]);
  });

  it.each([
    ["env=prod", ["a", "b"]],
    ["env==prod,tier!=web", ["b"]],
    ["env in (prod, test)", ["a", "b", "c"]],
    ["env notin (prod)", ["c", "d"]],
    ["tier", ["a", "c"]],
    ["!tier", ["b", "d"]],
    ["env!=prod", ["c", "d"]],
  ])("selects by labels: %s", async (selector, expected) => {
    const { path } = await withMaps(
      ["a", { env: "prod", tier: "web" }],
      ["b", { env: "prod" }],
      ["c", { env: "test", tier: "db" }],
      ["d", { other: "x" }],
    );
    const query = `labelSelector=${encodeURIComponent(selector)}&${mine}`;
    expect(names((await server.get(`${path}?${query}`)).body)).toEqual(expected);
  });

  it("selects by name, and pods by node and phase", async () => {
    const { namespace, path } = await withMaps(["a", {}], ["b", {}]);
    const named = await server.get(`${path}?fieldSelector=metadata.name=b`);
    expect(names(named.body)).toEqual(["b"]);
    const pods = core(namespace, "pods");
    await server.post(pods, pod("p"));
    await server.post(pods, pod("q", { nodeName: "node-1" }));
    const select = (fields: string) => server.get(`${pods}?fieldSelector=${fields}`);
    expect(names((await select("spec.nodeName=node-1")).body)).toEqual(["q"]);
    expect(names((await select("spec.nodeName=,status.phase=Pending")).body)).toEqual(["p"]);
  });

  it("refuses selectors it does not understand", async () => {
    const { path } = await withMaps();
    const get = (query: string) => server.get(`${path}?${query}`);
    const label = await get(`labelSelector=${encodeURIComponent("a===b")}`);
    const field = await get("fieldSelector=data.x=1");
    const custom = "/apis/actions.github.com/v1alpha1/ephemeralrunners?fieldSelector=spec.x=1";
    const other = await server.get(custom);
    expect([label.status, field.status, other.status]).toEqual([400, 400, 400]);
    expect(other.body.message).toBe("field label not supported: spec.x");
  });
});

describe("a paged list", () => {
  it("gives every object once, with the state of the first page", async () => {
    const { path } = await withMaps(["a", {}], ["b", {}], ["c", {}], ["d", {}], ["e", {}]);
    const first = await server.get(`${path}?limit=2`);
    await server.post(path, configMap("bb"));
    await server.remove(`${path}/d`);
    const found = names(first.body);
    let page = first;
    while (asList(page.body).metadata.continue) {
      const token = encodeURIComponent(asList(page.body).metadata.continue ?? "");
      page = await server.get(`${path}?limit=2&continue=${token}`);
      found.push(...names(page.body));
      const { resourceVersion } = asList(page.body).metadata;
      expect(resourceVersion).toBe(asList(first.body).metadata.resourceVersion);
    }
    expect(found.filter((name) => name.length < 3)).toEqual(["a", "b", "c", "d", "e"]);
  });

  it("says how many are left, unless it is selected", async () => {
    const { path } = await withMaps(["a", { x: "y" }], ["b", { x: "y" }], ["c", { x: "y" }]);
    const whole = asList((await server.get(`${path}?limit=1`)).body).metadata;
    const some = asList((await server.get(`${path}?limit=1&labelSelector=x=y`)).body).metadata;
    expect(whole.remainingItemCount).toBeGreaterThanOrEqual(2);
    expect(some.continue).toBeTruthy();
    expect(some.remainingItemCount).toBeUndefined();
  });

  it("answers 410 Expired for a token whose state is forgotten", async (context) => {
    const { path } = await withMaps(["a", {}], ["b", {}], ["c", {}]);
    const token = asList((await server.get(`${path}?limit=1`)).body).metadata.continue ?? "";
    await server.post(path, configMap("d"));
    if (!server.compact()) context.skip("this server cannot be told to forget");
    const gone = await server.get(`${path}?limit=1&continue=${encodeURIComponent(token)}`);
    expect(gone.status).toBe(410);
    expect(gone.body.reason).toBe("Expired");
  });

  it("refuses a token that is none", async () => {
    const { path } = await withMaps(["a", {}]);
    expect((await server.get(`${path}?limit=1&continue=nonsense`)).status).toBe(400);
  });

  it("says 504 for a number that is still to come", async () => {
    const { path } = await withMaps();
    const { status, body } = await server.get(`${path}?resourceVersion=999999999`);
    expect(status).toBe(504);
    expect(body.message).toContain("Too large resource version");
  });
});
