import type { HttpFetch } from "@runlet/runtime/http";
import { createTestCa } from "@runlet/runtime/http-fixture";
import { createLog } from "@runlet/runtime/log";
import { createVirtualClock } from "@runlet/runtime/virtual-clock";
import { describe, expect, it } from "vitest";
import { createKubernetesClient } from "./client.ts";
import { createStoredAccess } from "./stored-access.ts";

const ca = await createTestCa("cluster-ca");

function kubeconfig(server: string, token: string): string {
  const data = Buffer.from(ca.certificatePem).toString("base64");
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "c", cluster: { server, "certificate-authority-data": data } }],
    users: [{ name: "u", user: { token } }],
    contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
  });
}

/** A client on a stored kubeconfig, and what it sends through which connections. */
async function connect(text: string) {
  const clock = createVirtualClock();
  const stored = { text, away: false };
  const lines: string[] = [];
  const sent: string[] = [];
  const closed: number[] = [];
  let made = 0;
  const createFetch = (): HttpFetch => {
    const n = ++made;
    const fetch = async (url: string, init?: { headers?: Record<string, string> }) => {
      sent.push(`${n}: ${new URL(url).host} ${init?.headers?.["authorization"]}`);
      return Response.json({ metadata: { name: "a" } });
    };
    return Object.assign(fetch, { close: () => void closed.push(n) });
  };
  const log = createLog({ write: (line) => lines.push(line), wallMs: clock.wallMs });
  const access = await createStoredAccess({ clock, log, createFetch }, async () => {
    if (stored.away) throw new Error("the store is away");
    return stored.text;
  });
  const client = createKubernetesClient({ access, clock, userAgent: "test", limitMs: 1_000 });
  const resource = { group: "", version: "v1", plural: "nodes", kind: "Node", namespaced: false };
  return { clock, stored, lines, sent, closed, get: () => client.find(resource, { name: "a" }) };
}

describe("a stored kubeconfig", () => {
  it("that was rotated counts for the next call; old connections end a minute later", async () => {
    const world = await connect(kubeconfig("https://a.test", "one"));
    await world.get();
    world.stored.text = kubeconfig("https://b.test", "two");
    await world.get();
    await world.get();
    expect(world.sent).toEqual([
      "1: a.test Bearer one",
      "2: b.test Bearer two",
      "2: b.test Bearer two",
    ]);
    expect(world.closed).toEqual([]);
    await world.clock.runFor(60_000);
    expect(world.closed).toEqual([1]);
  });
  it("goes on as it was when the new one is refused or the store is away, and says so without its text", async () => {
    const world = await connect(kubeconfig("https://a.test", "one"));
    world.stored.text = kubeconfig("http://a.test", "hunter2");
    await world.get();
    world.stored.away = true;
    await world.get();
    expect(world.sent).toEqual(["1: a.test Bearer one", "1: a.test Bearer one"]);
    expect(world.lines).toHaveLength(1);
    expect(world.lines[0]).toContain("plain http");
    expect(world.lines.join()).not.toContain("hunter2");
  });
  it("that is refused from the beginning is refused with its reason", async () => {
    await expect(connect(kubeconfig("http://a.test", "one"))).rejects.toThrow("plain http");
  });
});
