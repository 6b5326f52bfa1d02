// Why: a secret that gets into a log, an event or the store is one that somebody has to change (invariant I20). Every
// secret that goes over a wire in this world is collected there, and looked for everywhere else.
import { createMemoryTable } from "@runlet/coordination/memory-table";
import type { Table } from "@runlet/coordination/table";
import { createInProcessTransport, type Transport } from "@runlet/runlet/world/transport";
import { runnersNamespace } from "@runlet/runlet/world/manifests";
import type { Fetch } from "@runlet/runtime/fetch";
import { describeError } from "@runlet/runtime/log";
import { createSeededRandom } from "@runlet/runtime/random";
import { expect, it } from "vitest";
import { linux, modes, startWorld, type RunningWorld } from "./running-world.ts";

const seed = 7;
const proxyPassword = "canaryProxyPassword";

/** Collects tokens, JIT configs and passwords from what goes over the wire to the service and the clusters. */
function createSniffer() {
  const secrets = new Set<string>();
  const inner = createInProcessTransport();
  const secretKey = /token$|jitconfig|password|secret/i;
  const collect = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    for (const [key, item] of Object.entries(value)) {
      if (typeof item === "string" && item.length > 15 && secretKey.test(key)) secrets.add(item);
      collect(item);
    }
  };
  const fetch: Fetch = async (url, init) => {
    const header = new Headers(init?.headers).get("authorization") ?? "";
    const sent = header.replace(/^\w+ /, "");
    if (sent) secrets.add(sent);
    const answer = await inner.fetch(url, init);
    // A cluster's answers may be watches, which do not end.
    if (!url.startsWith(inner.serviceUrl) || answer.status === 204) return answer;
    const text = await answer.text();
    try {
      collect(JSON.parse(text));
    } catch {
      // No JSON, or none at all.
    }
    return new Response(text, { status: answer.status, headers: answer.headers });
  };
  const transport: Transport = { ...inner, fetch };
  return { secrets, transport };
}

const kinds: [string, string][] = [
  ["actions.github.com/v1alpha1", "AutoscalingRunnerSet"],
  ["actions.github.com/v1alpha1", "EphemeralRunnerSet"],
  ["actions.github.com/v1alpha1", "EphemeralRunner"],
  ["v1", "Pod"],
  ["v1", "Event"],
  ["v1", "ConfigMap"],
  ["v1", "ServiceAccount"],
  ["v1", "Namespace"],
];

/** Everything in the clusters but Secrets. */
function writeOut({ clusters }: RunningWorld): string {
  const objects = [...clusters.values()].flatMap(({ api }) =>
    kinds.flatMap(([apiVersion, kind]) => api.objects(apiVersion, kind)),
  );
  return JSON.stringify(objects, withBigInts);
}

const withBigInts = (_key: string, value: unknown) =>
  typeof value === "bigint" ? String(value) : value;

function proxied(configUrl: string): string {
  return `
apiVersion: v1
kind: Secret
metadata: { name: proxy-user, namespace: ${runnersNamespace} }
stringData: { username: me, password: ${proxyPassword} }
---
apiVersion: actions.github.com/v1alpha1
kind: AutoscalingRunnerSet
metadata: { name: proxied, namespace: ${runnersNamespace} }
spec:
  githubConfigUrl: ${configUrl}
  githubConfigSecret: github
  minRunners: 1
  maxRunners: 2
  proxy: { https: { url: "http://proxy:3128", credentialSecretRef: proxy-user } }
  template: { spec: { containers: [{ name: runner, image: r, command: [/home/runner/run.sh] }] } }
`;
}

it.each(modes)("no secret comes out in %s mode, whatever goes wrong", async (mode) => {
  const lines: string[] = [];
  const seen: string[] = [];
  const { secrets, transport } = createSniffer();
  const memory = createMemoryTable(() => 0);
  const table: Table = {
    ...memory,
    put(row, when) {
      seen.push(JSON.stringify(row));
      return memory.put(row, when);
    },
  };
  const world = await startWorld({
    mode,
    seed,
    transport,
    table,
    scaleSets: [linux],
    onLine: (line) => lines.push(line),
  });
  const draw = createSeededRandom(seed);
  expect(`ghp_${Buffer.from(draw.bytes(18)).toString("hex")}`).toBe(world.pat);
  secrets
    .add(world.pat)
    .add(Buffer.from(draw.bytes(20)).toString("hex"))
    .add(proxyPassword);
  const watched = async (ms: number) => {
    for (let at = 0; at < ms; at += 250) {
      await world.clock.runFor(250);
      seen.push(writeOut(world));
    }
  };

  for (const { api } of world.clusters.values()) api.applyManifests(proxied(world.configUrl));
  world.queue("linux", { count: 4, durationMs: 800 });
  await watched(6_000);
  world.service.control.expireQueueTokens();
  world.service.control.expireAdminTokens();
  for (const status of [401, 403, 429, 500]) {
    world.service.control.addFault({ route: "*", times: 4, status });
    world.queue("linux", { count: 1, durationMs: 300 });
    await watched(3_000);
  }
  for (const { api } of world.clusters.values()) {
    api.addFault({ effect: { kind: "status", status: 500 }, times: 10 });
  }
  world.functions.running().forEach((poller) => poller.kill());
  await watched(6_000);
  const errors = world.functions
    .invocations()
    .flatMap(({ error }) => (error === undefined ? [] : [describeError(error)]));

  // What was collected is what we think it is: PAT, webhook secret, JWTs, JIT configs, account tokens.
  expect([...secrets].filter((one) => one.startsWith("eyJ")).length).toBeGreaterThan(5);
  expect(secrets.size).toBeGreaterThan(12);
  expect(lines.length).toBeGreaterThan(100);
  const everything = [...lines, ...seen, ...errors];
  const leaks = [...secrets].flatMap((secret) => {
    const found = everything.find((text) => text.includes(secret));
    return found === undefined ? [] : [around(found, secret)];
  });
  expect(leaks).toEqual([]);
  await world.stop();
});

function around(text: string, secret: string): string {
  const at = text.indexOf(secret);
  return text.slice(Math.max(0, at - 200), at + 20);
}
