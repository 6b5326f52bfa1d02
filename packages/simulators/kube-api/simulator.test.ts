import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createSeededRandom } from "@runlet/runtime/random";
import { createVirtualClock, type VirtualClock } from "@runlet/runtime/virtual-clock";
import { createKubeApiSimulator, type KubeApiSimulator } from "./simulator.ts";

let clock: VirtualClock;
let simulator: KubeApiSimulator;
beforeEach(() => {
  clock = createVirtualClock();
  simulator = createKubeApiSimulator({ clock, random: createSeededRandom(1) });
});
afterEach(() => simulator.close());

const maps = "/api/v1/namespaces/default/configmaps";

interface Call {
  token?: string;
  body?: unknown;
  signal?: AbortSignal;
}

async function call(method: string, path: string, options: Call = {}) {
  const token = options.token ?? simulator.adminToken;
  const response = await simulator.fetch(`https://any-host${path}`, {
    method,
    headers: { authorization: `Bearer ${token}` },
    ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
    ...(options.signal ? { signal: options.signal } : {}),
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

const create = (name: string) => call("POST", maps, { body: { metadata: { name } } });
const exists = (name: string) =>
  simulator.object("v1", "ConfigMap", { namespace: "default", name }) !== undefined;

async function openWatch(signal?: AbortSignal) {
  const response = await simulator.fetch(`https://x${maps}?watch=true&allowWatchBookmarks=true`, {
    headers: { authorization: `Bearer ${simulator.adminToken}` },
    ...(signal ? { signal } : {}),
  });
  const reader = response.body?.getReader();
  if (!reader) throw new Error("no body");
  const read = async () => {
    const { value, done } = await reader.read();
    return done ? undefined : new TextDecoder().decode(value as Uint8Array);
  };
  return { read };
}

describe("under the virtual clock", () => {
  it("answers without time passing", async () => {
    for (let i = 0; i < 50; i++) expect((await create(`m${i}`)).status).toBe(201);
    expect(clock.nowMs()).toBe(0);
  });

  it("sends a bookmark a minute and ends a watch within the hour", async () => {
    await create("a");
    const { read } = await openWatch();
    expect(await read()).toContain('"ADDED"');
    expect(await read()).toContain("initial-events-end");
    await clock.runFor(60_000);
    expect(await read()).toContain('"BOOKMARK"');
    await clock.runFor(3_600_000);
    expect(simulator.openWatches()).toBe(0);
  });

  it("leaves no timer behind when it closes", async () => {
    await openWatch();
    await create("a");
    simulator.close();
    expect(clock.timersCount()).toBe(0);
  });

  it("stamps objects with the clock's time", async () => {
    await clock.runFor(90_000);
    await create("a");
    const found = simulator.object("v1", "ConfigMap", { namespace: "default", name: "a" });
    expect(found?.metadata.creationTimestamp).toBe("2026-01-01T00:01:30Z");
  });

  it("repeats a whole run from one seed", async () => {
    const run = async () => {
      const random = createSeededRandom(7);
      const one = createKubeApiSimulator({ clock: createVirtualClock(), random });
      const headers = { authorization: `Bearer ${one.adminToken}` };
      const body = JSON.stringify({ metadata: { generateName: "g-" } });
      for (let i = 0; i < 5; i++) {
        await one.fetch(`https://x${maps}`, { method: "POST", headers, body });
      }
      const objects = JSON.stringify(one.objects("v1", "ConfigMap"));
      one.close();
      return objects;
    };
    expect(await run()).toBe(await run());
  });
});

describe("faults", () => {
  it("latency holds an answer back, and an abort ends the wait with its reason", async () => {
    simulator.setFaults([{ effect: { kind: "latency", ms: 500 } }]);
    let status = 0;
    const slow = create("a").then((answer) => void (status = answer.status));
    await clock.runFor(499);
    expect([status, exists("a")]).toEqual([0, false]);
    await clock.runFor(1);
    await slow;
    expect([status, exists("a")]).toEqual([201, true]);
    const end = new AbortController();
    const aborted = call("GET", maps, { signal: end.signal });
    end.abort(new Error("enough"));
    await expect(aborted).rejects.toThrow("enough");
  });

  it("429 carries Retry-After and does nothing", async () => {
    const effect = { kind: "status", status: 429, retryAfterSeconds: 3 } as const;
    simulator.setFaults([{ effect, times: 1 }]);
    const refused = await create("a");
    expect(refused.status).toBe(429);
    expect(refused.headers.get("retry-after")).toBe("3");
    expect(JSON.parse(refused.text)).toMatchObject({ reason: "TooManyRequests", code: 429 });
    expect(exists("a")).toBe(false);
    expect((await create("a")).status).toBe(201);
  });

  it("a lost answer is lost after the write", async () => {
    simulator.setFaults([{ effect: { kind: "lost-answer" }, verb: "create", times: 1 }]);
    await expect(create("a")).rejects.toThrow("connection to the API server was lost");
    expect(exists("a")).toBe(true);
    expect((await create("a")).status).toBe(409);
  });

  it("an unreachable server does nothing; a silent one never answers", async () => {
    simulator.setFaults([{ effect: { kind: "unreachable" } }]);
    await expect(create("a")).rejects.toThrow("unreachable");
    simulator.setFaults([{ effect: { kind: "silence" } }]);
    let ended = false;
    const silent = create("a").catch(() => void (ended = true));
    await clock.runFor(3_600_000);
    expect(ended).toBe(false);
    simulator.setFaults([]);
    await silent;
    expect([ended, exists("a")]).toEqual([true, false]);
  });

  it("strike only what they are meant for", async () => {
    const effect = { kind: "status", status: 503 } as const;
    const lift = simulator.addFault({ effect, verb: "create", plural: "configmaps" });
    expect((await create("a")).status).toBe(503);
    expect((await call("GET", maps)).status).toBe(200);
    const secret = { metadata: { name: "s" } };
    const path = "/api/v1/namespaces/default/secrets";
    expect((await call("POST", path, { body: secret })).status).toBe(201);
    lift();
    expect((await create("a")).status).toBe(201);
  });

  it("cut watches end cleanly or by a broken connection", async () => {
    const clean = await openWatch();
    await clean.read();
    expect(simulator.cutWatches({ plural: "pods" })).toBe(0);
    expect(simulator.cutWatches({ plural: "configmaps" })).toBe(1);
    expect(await clean.read()).toBeUndefined();
    const broken = await openWatch();
    await broken.read();
    simulator.cutWatches({ broken: true });
    await expect(broken.read()).rejects.toThrow("broke");
    expect(simulator.openWatches()).toBe(0);
  });

  it("an aborted watch rejects with the reason and is forgotten", async () => {
    const end = new AbortController();
    const watch = await openWatch(end.signal);
    await watch.read();
    end.abort(new Error("no more"));
    await expect(watch.read()).rejects.toThrow("no more");
    expect(simulator.openWatches()).toBe(0);
  });
});

describe("tokens", () => {
  const account = { namespace: "default", name: "default" };
  const whoAmI = (token: string) =>
    call("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", { token, body: {} });

  it("expire with time", async () => {
    const token = simulator.tokenFor(account, 60_000);
    expect((await whoAmI(token)).text).toContain("system:serviceaccount:default:default");
    await clock.runFor(60_000);
    expect((await whoAmI(token)).status).toBe(401);
  });

  it("expire all at once when told to, but for the administrator's", async () => {
    const token = simulator.tokenFor(account);
    simulator.expireTokens();
    expect((await whoAmI(token)).status).toBe(401);
    expect((await create("a")).status).toBe(201);
  });

  it("say in their claims when they expire", () => {
    const claims = simulator.tokenFor(account, 60_000).split(".")[1] ?? "";
    const { exp, sub } = JSON.parse(Buffer.from(claims, "base64url").toString()) as {
      exp: number;
      sub: string;
    };
    expect(exp).toBe(clock.wallMs() / 1000 + 60);
    expect(sub).toBe("system:serviceaccount:default:default");
  });

  it("end with their account", async () => {
    const path = "/api/v1/namespaces/default/serviceaccounts";
    await call("POST", path, { body: { metadata: { name: "bot" } } });
    const token = simulator.tokenFor({ namespace: "default", name: "bot" });
    expect((await whoAmI(token)).status).toBe(201);
    await call("DELETE", `${path}/bot`);
    expect((await whoAmI(token)).status).toBe(401);
  });
});

describe("what it tells a test", () => {
  it("every request with user, verb, status and instant", async () => {
    await clock.runFor(250);
    simulator.clearAuditLog();
    await create("a");
    await call("GET", `${maps}/none`);
    await call("GET", "/version", { token: "nonsense" });
    const shown = simulator
      .auditLog()
      .map(({ atMs, user, verb, plural, path, status }) =>
        [atMs, user, verb, plural || path, status].join(" "),
      );
    expect(shown).toEqual([
      "250 admin create configmaps 201",
      "250 admin get configmaps 404",
      "250 system:anonymous get /version 401",
    ]);
  });

  it("the logs that the kubelet gives", async () => {
    const container = { name: "runner", image: "x" };
    const pods = "/api/v1/namespaces/default/pods";
    const body = { metadata: { name: "p" }, spec: { nodeName: "n", containers: [container] } };
    await call("POST", pods, { body });
    simulator.setPodLogs(({ pod, container: name }) => `${pod}/${name} one\ntwo\nthree\n`);
    expect((await call("GET", `${pods}/p/log`)).text).toBe("p/runner one\ntwo\nthree\n");
    expect((await call("GET", `${pods}/p/log?tailLines=2`)).text).toBe("two\nthree\n");
    expect((await call("GET", `${pods}/p/log?tailLines=0`)).text).toBe("");
  });

  it("follows a log until its pod is over", async () => {
    const pods = "/api/v1/namespaces/default/pods";
    const spec = { nodeName: "n", containers: [{ name: "runner", image: "x" }] };
    await call("POST", pods, { body: { metadata: { name: "p" }, spec } });
    let text = "one\n";
    simulator.setPodLogs(() => text);
    let whole = "";
    const following = call("GET", `${pods}/p/log?follow=true`).then(
      (answer) => void (whole = answer.text),
    );
    await clock.runFor(500);
    text += "two\n";
    await clock.runFor(500);
    expect(whole).toBe("");
    await call("PUT", `${pods}/p/status`, {
      body: { metadata: { name: "p" }, spec, status: { phase: "Succeeded" } },
    });
    await clock.runFor(500);
    await following;
    expect(whole).toBe("one\ntwo\n");
  });

  it("refuses a manifest with a wrong field by its name", () => {
    const manifest = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {}\n";
    expect(() => simulator.applyManifests(manifest)).toThrow("spec.containers: Required value");
    expect(() => simulator.applyManifests("a: b\n")).toThrow("a manifest needs");
    expect(() => simulator.applyManifests("kind: What\napiVersion: v1\n")).toThrow("no kind");
  });
});
