// Why: the transport below every protocol, on real sockets with real TLS.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { createServer as createTcpServer } from "node:net";
import { afterEach, beforeAll, expect, test } from "vitest";
import { createSystemClock } from "./clock.ts";
import { TransportError } from "./http-error.ts";
import { createTestCa, listen, type Listening, type TestCa } from "./http-fixture.ts";
import { createHttpFetch, type HttpFetch, type HttpFetchOptions } from "./http.ts";

const clock = createSystemClock();
let ca: TestCa;
let otherCa: TestCa;
const ends: (() => unknown)[] = [];

beforeAll(async () => {
  ca = await createTestCa("Corp CA");
  otherCa = await createTestCa("Other CA");
});
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

function create(options: Partial<HttpFetchOptions> = {}): HttpFetch {
  const fetch = createHttpFetch({ clock, ...options });
  ends.push(() => fetch.close());
  return fetch;
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

async function serve(handler: Handler): Promise<Listening & { url: string }> {
  const listening = await listen(createServer({ keepAliveTimeout: 60_000 }, handler));
  ends.push(listening.stop);
  return { ...listening, url: `http://127.0.0.1:${listening.port}` };
}

async function serveTls(handler: Handler, options: object = {}) {
  const { certificatePem, keyPem } = await ca.issue("server", "DNS:localhost,IP:127.0.0.1");
  const given = { cert: certificatePem, key: keyPem, ...options };
  const listening = await listen(createTlsServer(given, handler));
  ends.push(listening.stop);
  return { ...listening, url: `https://127.0.0.1:${listening.port}` };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request) text += String(chunk);
  return text;
}

async function failureOf(call: Promise<unknown>): Promise<unknown> {
  try {
    await call;
  } catch (error) {
    return error;
  }
  throw new Error("the call did not fail");
}

test("a request carries method, headers and body, and the answer is a web Response", async () => {
  const answer = (request: IncomingMessage, response: ServerResponse, body: string) => {
    const { method, url, headers } = request;
    const seen = { method, url, host: headers.host, a: headers["x-a"], body };
    response.writeHead(201, { "content-type": "application/json", "set-cookie": ["a=1", "b=2"] });
    response.end(JSON.stringify({ ...seen, length: headers["content-length"] }));
  };
  const server = await serve((request, response) => {
    void bodyOf(request).then((body) => answer(request, response, body));
  });
  const response = await create()(`${server.url}/p/a?q=1`, {
    method: "PATCH",
    headers: { "X-A": "yes" },
    body: "grüße",
  });
  expect(response).toBeInstanceOf(Response);
  expect(response.status).toBe(201);
  expect(response.headers.getSetCookie()).toEqual(["a=1", "b=2"]);
  expect(await response.json()).toEqual({
    method: "PATCH",
    url: "/p/a?q=1",
    host: `127.0.0.1:${server.port}`,
    a: "yes",
    body: "grüße",
    length: "7",
  });
});

test("an error status is an answer, and 204 has no body", async () => {
  const server = await serve((request, response) => {
    response.writeHead(request.url === "/empty" ? 204 : 503, { "retry-after": "3" }).end();
  });
  const fetch = create();
  const busy = await fetch(`${server.url}/busy`);
  expect([busy.status, busy.headers.get("retry-after"), await busy.text()]).toEqual([503, "3", ""]);
  const empty = await fetch(`${server.url}/empty`);
  expect([empty.status, empty.body]).toEqual([204, null]);
});

test("a POST without a body says content-length 0, a GET says nothing", async () => {
  const server = await serve((request, response) => {
    response.end(String(request.headers["content-length"]));
  });
  const fetch = create();
  const post = await fetch(server.url, { method: "POST" });
  const get = await fetch(server.url);
  expect([await post.text(), await get.text()]).toEqual(["0", "undefined"]);
});

test("one kept-alive socket serves request after request", async () => {
  const server = await serve((_request, response) => response.end("ok"));
  const fetch = create();
  for (let turn = 0; turn < 5; turn++) await (await fetch(server.url)).text();
  expect(server.sockets.length).toBe(1);
});

test("a body is streamed: each line arrives while the answer is still open", async () => {
  let next = () => {};
  const server = await serve((_request, response) => {
    response.write("one\n");
    next = () => response.write("two\n");
  });
  const response = await create()(server.url);
  const lines: string[] = [];
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    lines.push(decoder.decode(chunk));
    if (lines.length === 2) break;
    next();
  }
  expect(lines).toEqual(["one\n", "two\n"]);
});

test("a reader that stops reading stops the sender", async () => {
  const chunk = Buffer.alloc(65_536);
  const chunks = 1_000;
  let sent = 0;
  const server = await serve((_request, response) => {
    const more = () => {
      while (sent < chunks) if ((sent++, !response.write(chunk))) break;
      if (sent < chunks) response.once("drain", more);
      else response.end();
    };
    more();
  });
  const response = await create()(server.url);
  await clock.sleep(300);
  // 64 MB are on offer; what was taken lies in the kernel's buffers and in one of ours.
  expect(sent * chunk.length).toBeLessThan(16 * 1024 * 1024);
  let bytes = 0;
  for await (const part of response.body ?? []) bytes += part.byteLength;
  expect(bytes).toBe(chunks * chunk.length);
});

test("an abort before the answer rejects with the signal's reason and frees the socket", async () => {
  const arrived = Promise.withResolvers<void>();
  const gone = Promise.withResolvers<void>();
  const server = await serve((request) => {
    request.socket.on("close", () => gone.resolve());
    arrived.resolve();
  });
  const abort = new AbortController();
  const call = create()(server.url, { signal: abort.signal });
  await arrived.promise;
  const reason = new Error("hand-over");
  abort.abort(reason);
  expect(await failureOf(call)).toBe(reason);
  await gone.promise;
});

test("an abort while the body is read rejects the reader with the signal's reason", async () => {
  const gone = Promise.withResolvers<void>();
  const server = await serve((request, response) => {
    request.socket.on("close", () => gone.resolve());
    response.write("half");
  });
  const abort = new AbortController();
  const response = await create()(server.url, { signal: abort.signal });
  const text = response.text();
  const reason = new Error("enough");
  abort.abort(reason);
  expect(await failureOf(text)).toBe(reason);
  await gone.promise;
});

test("a signal that is aborted already sends nothing", async () => {
  const server = await serve((_request, response) => response.end());
  const reason = new Error("too late");
  const signal = AbortSignal.abort(reason);
  expect(await failureOf(create()(server.url, { signal }))).toBe(reason);
  expect(server.sockets.length).toBe(0);
});

test("no listener is left on a signal that outlives its requests", async () => {
  const server = await serve((_request, response) => response.end("ok"));
  const { signal } = new AbortController();
  const listeners = new Set<unknown>();
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  // Listeners of a signal cannot be counted from outside; these two keep count and pass on.
  signal.addEventListener = ((...args: Parameters<typeof add>) => {
    listeners.add(args[1]);
    add(...args);
  }) as typeof add;
  signal.removeEventListener = ((...args: Parameters<typeof remove>) => {
    listeners.delete(args[1]);
    remove(...args);
  }) as typeof remove;
  const fetch = create();
  const open = await fetch(server.url, { signal });
  expect(listeners.size).toBeGreaterThan(0);
  await open.text();
  for (let turn = 0; turn < 3; turn++) await (await fetch(server.url, { signal })).text();
  await clock.sleep(10);
  expect(listeners.size).toBe(0);
});

test("an answer that is cut off fails its reader and says so", async () => {
  const server = await serve((request, response) => {
    response.writeHead(200, { "content-length": "100" });
    response.write("half", () => request.socket.destroy());
  });
  const response = await create()(server.url);
  const error = await failureOf(response.text());
  expect(error).toBeInstanceOf(TransportError);
  expect(String(error)).toContain("the body broke off");
});

test("a refused connection names the origin, not the path or the query", async () => {
  const server = await serve(() => {});
  await server.stop();
  const error = await failureOf(create()(`${server.url}/path?sessionId=secret`));
  expect(error).toBeInstanceOf(TransportError);
  expect(error).toMatchObject({ code: "ECONNREFUSED" });
  expect(String(error)).toContain(server.url);
  expect(String(error)).not.toContain("secret");
});

test("a GET on a kept-alive socket that the server has closed is asked again, a POST is not", async () => {
  let requests = 0;
  const handler: Handler = (request, response) => {
    requests++;
    // The second request on a connection is answered by closing it, as an idle time-out does.
    if (requests === 1 || requests === 3 || requests === 4) response.end("ok");
    else request.socket.destroy();
  };
  const server = await serve(handler);
  const fetch = create();
  await (await fetch(server.url)).text();
  expect(await (await fetch(server.url)).text()).toBe("ok");
  expect(server.sockets.length).toBe(2);
  await (await fetch(server.url)).text();
  const error = await failureOf(fetch(server.url, { method: "POST" }));
  expect(error).toMatchObject({ code: "ECONNRESET" });
});

test("an idle socket is closed in time, a quiet stream is not", async () => {
  let write = () => {};
  const server = await serve((request, response) => {
    response.write("one ");
    if (request.url === "/stream") write = () => response.end("two");
    else response.end();
  });
  const fetch = create({ idleSocketMs: 60 });
  const stream = await fetch(`${server.url}/stream`);
  await (await fetch(server.url)).text();
  const gone = () => server.sockets.filter((socket) => socket.destroyed).length;
  await expect.poll(gone, { timeout: 5_000 }).toBe(1);
  write();
  expect(await stream.text()).toBe("one two");
});

test("an origin that could not be reached is tried anew by the next call", async () => {
  const first = await serve((_request, response) => response.end());
  await first.stop();
  const fetch = create();
  expect(await failureOf(fetch(first.url))).toMatchObject({ code: "ECONNREFUSED" });
  const server = createServer((_request, response) => response.end("back"));
  await new Promise<void>((resolve) => server.listen(first.port, "127.0.0.1", resolve));
  ends.push(() => server.close());
  expect(await (await fetch(first.url)).text()).toBe("back");
});

test("callers that wait for a free socket learn too that none can be made", async () => {
  const server = await serve((_request, response) => response.end());
  await server.stop();
  const fetch = create({ socketsPerOrigin: 2 });
  const errors = await Promise.all(Array.from({ length: 10 }, () => failureOf(fetch(server.url))));
  expect(errors).toEqual(
    Array.from({ length: 10 }, () => expect.objectContaining({ code: "ECONNREFUSED" })),
  );
});

test("more callers than sockets are all served, and an abort in the queue ends at once", async () => {
  const server = await serve((_request, response) => void setTimeout(() => response.end("ok"), 5));
  const fetch = create({ socketsPerOrigin: 3 });
  const abort = new AbortController();
  const calls = Array.from({ length: 30 }, async () => (await fetch(server.url)).text());
  const queued = failureOf(fetch(server.url, { signal: abort.signal }));
  const reason = new Error("enough");
  abort.abort(reason);
  expect(await queued).toBe(reason);
  expect(new Set(await Promise.all(calls))).toEqual(new Set(["ok"]));
  expect(server.sockets.length).toBe(3);
});

test("a name that does not resolve is a transport error that says so", async () => {
  const error = await failureOf(create()("https://no-such-host.invalid/"));
  expect(error).toMatchObject({ name: "TransportError" });
  expect(String(error)).toMatch(/no-such-host\.invalid.*(ENOTFOUND|EAI_AGAIN)/);
});

test("an unknown CA is refused, an added one and an exclusive one are trusted", async () => {
  const server = await serveTls((_request, response) => response.end("ok"));
  const refused = await failureOf(create()(server.url));
  expect(refused).toMatchObject({ code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE" });
  const wrong = create({ onlyCa: [otherCa.certificatePem] });
  expect(await failureOf(wrong(server.url))).toBeInstanceOf(TransportError);
  const added = create({ extraCa: [otherCa.certificatePem, ca.certificatePem] });
  expect(await (await added(server.url)).text()).toBe("ok");
  const only = create({ onlyCa: [ca.certificatePem] });
  expect(await (await only(server.url)).text()).toBe("ok");
});

test("a certificate for another name is refused, unless that name is asked for", async () => {
  const leaf = await ca.issue("kubernetes", "DNS:kubernetes.default");
  const own = { cert: leaf.certificatePem, key: leaf.keyPem };
  const server = await serveTls((_request, response) => response.end("ok"), own);
  const trust = { onlyCa: [ca.certificatePem] };
  const error = await failureOf(create(trust)(server.url));
  expect(error).toMatchObject({ code: "ERR_TLS_CERT_ALTNAME_INVALID" });
  const named = create({ ...trust, serverName: "kubernetes.default" });
  expect(await (await named(server.url)).text()).toBe("ok");
});

test("a client certificate is shown", async () => {
  const mutual = { ca: ca.certificatePem, requestCert: true, rejectUnauthorized: true };
  const server = await serveTls((_request, response) => response.end("ok"), mutual);
  const trust = { onlyCa: [ca.certificatePem] };
  expect(await failureOf(create(trust)(server.url))).toBeInstanceOf(TransportError);
  const clientCertificate = await ca.issue("admin", "DNS:admin");
  const known = create({ ...trust, clientCertificate });
  expect(await (await known(server.url)).text()).toBe("ok");
});

test.each(["", "no pem at all", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"])(
  "a CA bundle without a readable certificate is refused at once (%j)",
  (bundle) => {
    expect(() => createHttpFetch({ clock, extraCa: [bundle] })).toThrow(/CA bundle/);
  },
);

test("a server that accepts and never speaks TLS is given up after the connect limit", async () => {
  const silent = await listen(createTcpServer());
  ends.push(silent.stop);
  const fetch = create({ connectLimitMs: 100 });
  const error = await failureOf(fetch(`https://127.0.0.1:${silent.port}/`));
  expect(error).toMatchObject({ code: "CONNECT_TIMEOUT" });
});

test("one caller that gives up while the connection is made leaves the others waiting", async () => {
  const silent = await listen(createTcpServer());
  ends.push(silent.stop);
  const fetch = create({ connectLimitMs: 200 });
  const abort = new AbortController();
  const url = `https://127.0.0.1:${silent.port}/`;
  const first = failureOf(fetch(url, { signal: abort.signal }));
  const second = failureOf(fetch(url));
  abort.abort(new Error("not me"));
  expect(String(await first)).toBe("Error: not me");
  expect(await second).toMatchObject({ code: "CONNECT_TIMEOUT" });
  expect(silent.sockets.length).toBe(1);
});

test("close ends what is open and refuses what comes later", async () => {
  const arrived = Promise.withResolvers<void>();
  const server = await serve(() => arrived.resolve());
  const fetch = create();
  const open = failureOf(fetch(server.url));
  await arrived.promise;
  fetch.close();
  expect(await open).toBeInstanceOf(TransportError);
  expect(await failureOf(fetch(server.url))).toMatchObject({ code: "CLOSED" });
});

test("close also ends what is being connected, and what waits for a socket", async () => {
  const silent = await listen(createTcpServer());
  ends.push(silent.stop);
  const fetch = create();
  const connecting = failureOf(fetch(`https://127.0.0.1:${silent.port}/`));
  await expect.poll(() => silent.sockets.length).toBe(1);
  fetch.close();
  expect(await connecting).toMatchObject({ code: "CLOSED" });

  const arrived = Promise.withResolvers<void>();
  const server = await serve(() => arrived.resolve());
  const narrow = create({ socketsPerOrigin: 1 });
  const calls = Array.from({ length: 3 }, () => failureOf(narrow(server.url)));
  await arrived.promise;
  narrow.close();
  for (const call of calls) expect(await call).toBeInstanceOf(TransportError);
  expect(server.sockets.length).toBe(1);
});
