import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createSystemClock } from "@runlet/runtime/clock";
import { createHttpFetch, type HttpFetch } from "@runlet/runtime/http";
import { createSeededRandom } from "@runlet/runtime/random";
import { getServerCertificate, type ServerCertificate } from "./certificates.ts";
import { breakSocket, listenApi, type ListeningApi } from "./listen.ts";
import { createKubeApiSimulator, type KubeApiSimulator } from "./simulator.ts";

const clock = createSystemClock();
const maps = "/api/v1/namespaces/default/configmaps";
let folder: string;
let certificate: ServerCertificate;
let simulator: KubeApiSimulator;
let server: ListeningApi;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "runlet-kube-api-"));
  certificate = await getServerCertificate(folder, clock.wallMs());
  simulator = createKubeApiSimulator(
    { clock, random: createSeededRandom(1) },
    { breakConnection: breakSocket },
  );
  server = await listenApi(simulator.app, { port: 0, certificate });
});
afterAll(async () => {
  simulator.close();
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

describe.each(["when-offered", "never"] as const)("on a socket, HTTP/2 %s", (http2) => {
  let fetch: HttpFetch;
  beforeAll(() => {
    fetch = createHttpFetch({ clock, onlyCa: [certificate.caPem], http2 });
  });
  afterAll(() => fetch.close());

  const name = (what: string) => `${what}-${http2}`;
  const call = (method: string, path: string, body?: unknown, signal?: AbortSignal) =>
    fetch(server.url + path, {
      method,
      headers: { authorization: `Bearer ${simulator.adminToken}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal ? { signal } : {}),
    });
  const create = (metadata: { name: string }) => call("POST", maps, { metadata });

  it("a watch says at once what happens, and ends with its reader", async () => {
    const end = new AbortController();
    const from = simulator.revision();
    const path = `${maps}?watch=true&resourceVersion=${from}`;
    const response = await call("GET", path, undefined, end.signal);
    // The head of the answer comes before anything happens.
    expect(response.status).toBe(200);
    const reader = response.body?.getReader();
    await (await create({ name: name("a") })).text();
    const { value } = (await reader?.read()) ?? {};
    expect(new TextDecoder().decode(value as Uint8Array)).toContain('"type":"ADDED"');
    expect(simulator.openWatches()).toBe(1);
    end.abort(new Error("seen"));
    await expect(reader?.read()).rejects.toThrow("seen");
    for (let i = 0; i < 200 && simulator.openWatches() > 0; i++) await clock.sleep(10);
    expect(simulator.openWatches()).toBe(0);
  });

  it("a lost answer breaks the exchange after the write; the next one works", async () => {
    simulator.setFaults([{ effect: { kind: "lost-answer" }, verb: "create", times: 1 }]);
    await expect(create({ name: name("lost") }).then((r) => r.text())).rejects.toThrow();
    const again = await create({ name: name("lost") });
    expect(again.status).toBe(409);
    await again.text();
  });

  it("a cut watch that broke is an error for its reader", async () => {
    const response = await call("GET", `${maps}?watch=true`);
    const reader = response.body?.getReader();
    await reader?.read();
    simulator.cutWatches({ broken: true });
    const readAll = async () => {
      for (;;) if ((await reader?.read())?.done !== false) return "ended cleanly";
    };
    await expect(readAll()).rejects.toThrow();
  });
});

describe("the certificate", () => {
  it("is kept while it is good, and made anew when it is about to end", async () => {
    const again = await getServerCertificate(folder, clock.wallMs());
    expect(again).toEqual(certificate);
    const other = mkdtempSync(join(tmpdir(), "runlet-kube-api-"));
    const first = await getServerCertificate(other, clock.wallMs());
    const later = await getServerCertificate(other, clock.wallMs() + 365 * 86_400_000);
    expect(later.certificatePem).not.toBe(first.certificatePem);
    rmSync(other, { recursive: true, force: true });
  });

  it("a taken port is one clear line", async () => {
    const taken = listenApi(simulator.app, { port: server.port, certificate });
    await expect(taken).rejects.toThrow(`port ${server.port} is in use`);
  });
});
