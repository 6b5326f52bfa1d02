// Why: which proxy, and what it gets to see.
import { createServer, type IncomingMessage } from "node:http";
import { createSecureServer } from "node:http2";
import { createServer as createTlsServer } from "node:https";
import { connect, type Socket } from "node:net";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { createSystemClock } from "./clock.ts";
import { createTestCa, listen, type TestCa } from "./http-fixture.ts";
import { findProxy } from "./http-proxy.ts";
import { createHttpFetch, type HttpFetchOptions } from "./http.ts";

const clock = createSystemClock();
let ca: TestCa;
const ends: (() => unknown)[] = [];
beforeAll(async () => {
  ca = await createTestCa("Proxy CA");
});
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

describe("which proxy", () => {
  const both = { http: "http://plain:3128", https: "http://secure:3128" };
  const proxyOf = (url: string, noProxy: string[] = []) =>
    findProxy(new URL(url), { ...both, noProxy })?.hostname;

  test("the scheme of the address decides", () => {
    expect(proxyOf("https://github.com/")).toBe("secure");
    expect(proxyOf("http://github.com/")).toBe("plain");
    expect(findProxy(new URL("https://github.com/"), { http: "http://plain:1" })).toBeUndefined();
    expect(findProxy(new URL("https://github.com/"), undefined)).toBeUndefined();
  });

  test("this machine is never asked for through a proxy", () => {
    for (const host of ["localhost", "a.localhost", "127.0.0.1", "127.9.9.9", "[::1]"]) {
      expect(proxyOf(`https://${host}/`)).toBeUndefined();
    }
  });

  test.each([
    ["*", "https://github.com/", false],
    ["github.com", "https://github.com/", false],
    ["github.com", "https://api.github.com/", false],
    ["github.com", "https://notgithub.com/", true],
    [".github.com", "https://github.com/", true],
    [".github.com", "https://api.github.com/", false],
    ["*.github.com", "https://api.github.com/", false],
    ["GitHub.com", "https://github.com/", false],
    ["github.com:443", "https://github.com/", false],
    ["github.com:8443", "https://github.com/", true],
    ["10.0.0.0/8", "https://10.1.2.3/", false],
    ["10.0.0.0/8", "https://11.1.2.3/", true],
    ["10.0.0.0/99", "https://10.1.2.3/", true],
    ["10.1.2.3", "https://10.1.2.3:6443/", false],
    ["fd00::/8", "https://[fd00::1]/", false],
    ["[fd00::1]:6443", "https://[fd00::1]:6443/", false],
    ["[fd00::1]:6443", "https://[fd00::1]:443/", true],
    [" ", "https://github.com/", true],
  ])("noProxy %j and %s: through the proxy is %s", (entry, url, through) => {
    expect(proxyOf(url, [entry]) !== undefined).toBe(through);
  });

  test("a bad proxy address is refused without being repeated", () => {
    const make = () => createHttpFetch({ clock, proxy: { https: "user:hunter2@proxy" } });
    expect(make).toThrow(/must begin with http/);
    expect(make).not.toThrow(/hunter2/);
  });
});

/** A forwarding proxy for CONNECT and absolute requests that takes down what it saw. */
async function startProxy(options: { tls?: boolean; refuse?: number } = {}) {
  const seen: { method: string; target: string; authorization: string | undefined }[] = [];
  const note = (request: IncomingMessage) =>
    seen.push({
      method: request.method ?? "",
      target: request.url ?? "",
      authorization: request.headers["proxy-authorization"],
    });
  const { certificatePem: cert, keyPem: key } = await ca.issue("proxy", "IP:127.0.0.1");
  const server = options.tls ? createTlsServer({ cert, key }) : createServer();
  server.on("request", (request, response) => {
    note(request);
    response.end(`proxied ${request.headers.host}`);
  });
  server.on("connect", (request: IncomingMessage, client: Socket) => {
    note(request);
    if (options.refuse) return client.end(`HTTP/1.1 ${options.refuse} No\r\n\r\n`);
    // Whatever name was asked for, the way leads to a server on this machine.
    const upstream = connect(Number(request.url?.split(":").at(-1)), "127.0.0.1", () => {
      client.write("HTTP/1.1 200 Connection established\r\n\r\n");
      upstream.pipe(client).pipe(upstream);
    });
    upstream.on("error", () => client.destroy());
    client.on("error", () => upstream.destroy());
    return undefined;
  });
  const listening = await listen(server);
  ends.push(listening.stop);
  const scheme = options.tls ? "https" : "http";
  return { seen, url: `${scheme}://us%40er:pa%3Ass@127.0.0.1:${listening.port}` };
}

async function startService() {
  const { certificatePem: cert, keyPem: key } = await ca.issue("service", "DNS:service.test");
  const server = createTlsServer({ cert, key }, (request, response) => {
    response.end(JSON.stringify(request.headers));
  });
  const listening = await listen(server);
  ends.push(listening.stop);
  return { port: listening.port, url: `https://service.test:${listening.port}/` };
}

function create(options: Partial<HttpFetchOptions>) {
  const fetch = createHttpFetch({ clock, onlyCa: [ca.certificatePem], ...options });
  ends.push(() => fetch.close());
  return fetch;
}

const expected = `Basic ${Buffer.from("us@er:pa:ss").toString("base64")}`;

describe("through a proxy", () => {
  test.each([false, true])(
    "https goes by CONNECT with credentials (proxy with TLS: %s)",
    async (tls) => {
      const proxy = await startProxy({ tls });
      const service = await startService();
      const fetch = create({ proxy: { https: proxy.url } });
      const seenByService = await (await fetch(service.url)).text();
      expect(proxy.seen).toEqual([
        { method: "CONNECT", target: `service.test:${service.port}`, authorization: expected },
      ]);
      expect(seenByService).not.toContain("proxy-authorization");
    },
  );

  test("HTTP/2 is offered through the tunnel, and one tunnel carries many requests", async () => {
    const proxy = await startProxy();
    const { certificatePem: cert, keyPem: key } = await ca.issue("service", "DNS:service.test");
    const server = createSecureServer({ cert, key });
    server.on("stream", (stream) => {
      stream.respond({ ":status": 200 });
      stream.end("two");
    });
    const service = await listen(server);
    ends.push(service.stop);
    const fetch = create({ proxy: { https: proxy.url } });
    const url = `https://service.test:${service.port}/`;
    const answers = await Promise.all(Array.from({ length: 5 }, () => fetch(url)));
    const texts = await Promise.all(answers.map((response) => response.text()));
    expect(texts).toEqual(Array.from({ length: 5 }, () => "two"));
    expect(proxy.seen.length).toBe(1);
  });

  test("http is asked of the proxy with the whole address", async () => {
    const proxy = await startProxy();
    const fetch = create({ proxy: { http: proxy.url } });
    const answer = await fetch("http://service.test/a?b=1");
    expect(await answer.text()).toBe("proxied service.test");
    expect(proxy.seen).toEqual([
      { method: "GET", target: "http://service.test/a?b=1", authorization: expected },
    ]);
  });

  test("a proxy that refuses is named with its status", async () => {
    const proxy = await startProxy({ refuse: 407 });
    const fetch = create({ proxy: { https: proxy.url } });
    const error = await fetch("https://service.test/").catch((caught: unknown) => caught);
    expect(error).toMatchObject({ name: "TransportError", code: "PROXY_407" });
    expect(String(error)).not.toContain("pa:ss");
  });
});
