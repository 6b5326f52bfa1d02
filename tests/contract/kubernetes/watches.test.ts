import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { configMap, core, openTestServer, pod, type TestServer } from "./test-server.ts";
import type { TestEvent } from "./test-watch.ts";

let server: TestServer;
beforeAll(async () => {
  server = await openTestServer();
});
afterAll(() => server.close());

const shown = (event: TestEvent | undefined) =>
  event && `${event.type} ${event.object.metadata.name}`;

/** A namespace, the path of its config maps and the number of an empty list of ours. */
async function begin() {
  const namespace = await server.namespace();
  const path = core(namespace, "configmaps");
  // A real cluster puts its CA there a moment later; wait, so that it is no event of ours.
  if (server.real) {
    await server.eventually("the namespace's CA", async () =>
      (await server.get(`${path}/kube-root-ca.crt`)).status === 200 ? true : undefined,
    );
  }
  const { body } = await server.get(path);
  return { namespace, path, from: body.metadata.resourceVersion ?? "" };
}

describe("a watch", () => {
  it("replays exactly what was written between the list and the watch, then follows", async () => {
    const { path, from } = await begin();
    await server.post(path, configMap("a"));
    await server.merge(`${path}/a`, { data: { x: "1" } });
    await server.remove(`${path}/a`);
    const watch = await server.watch(`${path}?watch=true&resourceVersion=${from}`);
    expect(watch.status).toBe(200);
    expect(shown(await watch.next())).toBe("ADDED a");
    expect(shown(await watch.next())).toBe("MODIFIED a");
    expect(shown(await watch.next())).toBe("DELETED a");
    await server.post(path, configMap("b"));
    expect(shown(await watch.next())).toBe("ADDED b");
    watch.close();
  });

  it("gives every event a larger number, the deletion too", async () => {
    const { path, from } = await begin();
    await server.post(path, configMap("a"));
    await server.merge(`${path}/a`, { data: { x: "1" } });
    await server.remove(`${path}/a`);
    const watch = await server.watch(`${path}?watch=true&resourceVersion=${from}&timeoutSeconds=1`);
    const events = await watch.rest(1_500);
    const numbers = events.map((event) => Number(event.object.metadata.resourceVersion));
    expect(numbers).toHaveLength(3);
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
    expect(new Set(numbers).size).toBe(3);
    expect(events[2]?.object.data).toEqual({ x: "1" });
  });

  it("goes on after the number it is given, not at it", async () => {
    const { path } = await begin();
    const first = await server.post(path, configMap("a"));
    const { resourceVersion } = first.body.metadata;
    const watch = await server.watch(`${path}?watch=1&resourceVersion=${resourceVersion}`);
    await server.post(path, configMap("b"));
    expect(shown(await watch.next())).toBe("ADDED b");
    watch.close();
  });

  it("without a number begins with what is there", async () => {
    const { path } = await begin();
    await server.post(path, configMap("a"));
    const watch = await server.watch(`${path}?watch=true&fieldSelector=metadata.name=a`);
    expect(shown(await watch.next())).toBe("ADDED a");
    watch.close();
  });

  it("says nothing of a write that changed nothing", async () => {
    const { path, from } = await begin();
    await server.post(path, configMap("a", {}, { x: "1" }));
    await server.merge(`${path}/a`, { data: { x: "1" } });
    const watch = await server.watch(`${path}?watch=true&resourceVersion=${from}&timeoutSeconds=1`);
    expect((await watch.rest(1_500)).map(shown)).toEqual(["ADDED a"]);
  });

  it("ends by itself after timeoutSeconds, with a bookmark of where it was", async () => {
    const { path, from } = await begin();
    const query = `watch=true&resourceVersion=${from}&timeoutSeconds=4&allowWatchBookmarks=true`;
    const watch = await server.watch(`${path}?${query}`);
    await server.post(path, configMap("a"));
    const events = await watch.rest(4_500);
    expect(shown(events[0])).toBe("ADDED a");
    expect(events.at(-1)?.type).toBe("BOOKMARK");
    const bookmark = Number(events.at(-1)?.object.metadata.resourceVersion);
    const seen = Number(events[0]?.object.metadata.resourceVersion);
    expect(bookmark).toBeGreaterThanOrEqual(seen);
  });

  it("marks the end of the initial events when asked to send them", async () => {
    const { path } = await begin();
    await server.post(path, configMap("a"));
    const query =
      "watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan" +
      "&allowWatchBookmarks=true&fieldSelector=metadata.name=a";
    const watch = await server.watch(`${path}?${query}`);
    expect(shown(await watch.next())).toBe("ADDED a");
    const end = await watch.next();
    expect(end?.type).toBe("BOOKMARK");
    expect(end?.object.metadata.annotations).toEqual({ "k8s.io/initial-events-end": "true" });
    watch.close();
  });

  it("narrowed by labels sees an object come and go with its labels", async () => {
    const { path, from } = await begin();
    const query = `watch=true&resourceVersion=${from}&labelSelector=on=yes&timeoutSeconds=2`;
    const watch = await server.watch(`${path}?${query}`);
    await server.post(path, configMap("a", { labels: { on: "no" } }));
    await server.merge(`${path}/a`, { metadata: { labels: { on: "yes" } } });
    await server.merge(`${path}/a`, { data: { x: "1" } });
    const gone = await server.merge(`${path}/a`, { metadata: { labels: { on: "no" } } });
    await server.remove(`${path}/a`);
    const events = await watch.rest(2_500);
    expect(events.map(shown)).toEqual(["ADDED a", "MODIFIED a", "DELETED a"]);
    const { labels, resourceVersion } = events[2]?.object.metadata ?? {};
    expect(labels).toEqual({ on: "yes" });
    expect(resourceVersion).toBe(gone.body.metadata.resourceVersion);
  });

  it("of one kind in all namespaces sees both", async () => {
    const one = await begin();
    const two = await begin();
    const labels = { who: one.namespace };
    const query = `watch=true&resourceVersion=${two.from}&labelSelector=who=${labels.who}`;
    const watch = await server.watch(`/api/v1/configmaps?${query}`);
    await server.post(one.path, configMap("a", { labels }));
    await server.post(two.path, configMap("b", { labels }));
    expect(shown(await watch.next())).toBe("ADDED a");
    expect(shown(await watch.next())).toBe("ADDED b");
    watch.close();
  });

  it("answers with an ERROR event 410 when its number is forgotten", async () => {
    const { path } = await begin();
    await server.post(path, configMap("a"));
    // A number from before this server's first event of the kind is always forgotten on a real one.
    server.compact();
    const watch = await server.watch(`${path}?watch=true&resourceVersion=1`);
    const event = await watch.next();
    expect(watch.status).toBe(200);
    expect(event?.type).toBe("ERROR");
    expect(event?.object).toMatchObject({ kind: "Status", code: 410, reason: "Expired" });
    expect(await watch.next()).toBeUndefined();
  });

  it("shows the steps of a graceful deletion", async () => {
    const { namespace } = await begin();
    const pods = core(namespace, "pods");
    const from = (await server.get(pods)).body.metadata.resourceVersion;
    const watch = await server.watch(`${pods}?watch=true&resourceVersion=${from}`);
    await server.post(pods, pod("p", { nodeName: "node-1" }));
    await server.remove(`${pods}/p`);
    await server.remove(`${pods}/p?gracePeriodSeconds=0`);
    expect(shown(await watch.next())).toBe("ADDED p");
    const marked = await watch.next();
    expect(shown(marked)).toBe("MODIFIED p");
    expect(marked?.object.metadata.deletionGracePeriodSeconds).toBe(30);
    let last = await watch.next();
    while (last?.type === "MODIFIED") last = await watch.next();
    expect(shown(last)).toBe("DELETED p");
    watch.close();
  });
});
