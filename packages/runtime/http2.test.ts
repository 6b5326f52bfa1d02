// Why: many long polls share a few HTTP/2 connections; what becomes of them when one dies or leaves.
import { fork } from "node:child_process";
import {
  constants,
  createSecureServer,
  type Http2SecureServer,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import { createServer as createHttp1Server } from "node:https";
import { connect, createServer as createTcpServer, type AddressInfo } from "node:net";
import { afterEach, beforeAll, expect, test } from "vitest";
import { createSystemClock } from "./clock.ts";
import { createTestCa, listen, type TestCa } from "./http-fixture.ts";
import { createHttpFetch, type HttpFetchOptions } from "./http.ts";

const clock = createSystemClock();
let ca: TestCa;
const ends: (() => unknown)[] = [];
beforeAll(async () => {
  ca = await createTestCa("H2 CA");
});
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

function create(options: Partial<HttpFetchOptions> = {}) {
  const fetch = createHttpFetch({ clock, onlyCa: [ca.certificatePem], ...options });
  ends.push(() => fetch.close());
  return fetch;
}

type OnStream = (stream: ServerHttp2Stream, headers: Record<string, unknown>) => void;

interface Service {
  url: string;
  server: Http2SecureServer;
  sessions: ServerHttp2Session[];
  socketsCount(): number;
}

async function serve(onStream: OnStream, settings = {}, port?: number): Promise<Service> {
  const { certificatePem: cert, keyPem: key } = await ca.issue("server", "IP:127.0.0.1");
  const server = createSecureServer({ cert, key, allowHTTP1: true, settings });
  const sessions: ServerHttp2Session[] = [];
  server.on("session", (session) => {
    sessions.push(session);
    session.on("error", () => {});
  });
  server.on("stream", (stream, headers) => {
    stream.on("error", () => {});
    onStream(stream, headers);
  });
  const listening = await listen(server);
  ends.push(listening.stop);
  const url = `https://127.0.0.1:${port ?? listening.port}/`;
  return { url, server, sessions, socketsCount: () => listening.sockets.length };
}

const answer: OnStream = (stream, headers) => {
  stream.respond({ ":status": 200, "x-method": String(headers[":method"]) });
  stream.end(`${String(headers[":path"])} ${String(headers["x-a"])}`);
};

async function failureOf(call: Promise<unknown>): Promise<unknown> {
  try {
    await call;
  } catch (error) {
    return error;
  }
  throw new Error("the call did not fail");
}

async function until(what: string, done: () => boolean): Promise<void> {
  for (let turn = 0; turn < 2_000; turn++) {
    if (done()) return;
    await clock.sleep(5);
  }
  throw new Error(`${what} did not come true`);
}

test("requests are streams of one connection where the server offers HTTP/2", async () => {
  const service = await serve(answer);
  const fetch = create();
  const headers = { "X-A": "yes", Connection: "keep-alive", Host: "other.test" };
  const calls = Array.from({ length: 20 }, (_, n) => fetch(`${service.url}${n}`, { headers }));
  const texts = await Promise.all((await Promise.all(calls)).map((response) => response.text()));
  expect(texts[7]).toBe("/7 yes");
  expect(service.socketsCount()).toBe(1);
});

test("a body goes up and a status comes down", async () => {
  const service = await serve((stream) => {
    let body = "";
    stream.on("data", (chunk) => (body += String(chunk)));
    stream.on("end", () => {
      stream.respond({ ":status": 422, "set-cookie": ["a=1", "b=2"] });
      stream.end(body);
    });
  });
  const response = await create()(service.url, { method: "PATCH", body: "grüße" });
  expect(response.status).toBe(422);
  expect(response.headers.getSetCookie()).toEqual(["a=1", "b=2"]);
  expect(await response.text()).toBe("grüße");
});

test("a server with HTTP/1.1 only is spoken to in HTTP/1.1, and so is any if we wish", async () => {
  const service = await serve(answer);
  let versions = 0;
  service.server.on("request", (request, response) => {
    if (request.httpVersionMajor !== 1) return;
    versions++;
    response.end("one");
  });
  const response = await create({ http2: "never" })(service.url);
  expect([await response.text(), versions]).toEqual(["one", 1]);
});

test("streams are bounded: 100 polls at 25 a connection open four connections", async () => {
  const open: ServerHttp2Stream[] = [];
  const service = await serve((stream) => open.push(stream));
  const fetch = create({ streamsPerSession: 25 });
  const polls = Array.from({ length: 100 }, () => fetch(service.url));
  await until("100 open polls", () => open.length === 100);
  expect(service.socketsCount()).toBe(4);
  for (const stream of open) {
    stream.respond({ ":status": 202 });
    stream.end();
  }
  const statuses = (await Promise.all(polls)).map((response) => response.status);
  expect(new Set(statuses)).toEqual(new Set([202]));
});

test("the server's own bound is kept: no request waits behind a long poll", async () => {
  const open: ServerHttp2Stream[] = [];
  const service = await serve((stream) => open.push(stream), { maxConcurrentStreams: 3 });
  const fetch = create();
  const polls = Array.from({ length: 9 }, () => fetch(service.url));
  await until("9 open polls", () => open.length === 9);
  expect(service.socketsCount()).toBe(3);
  for (const stream of open) stream.respond({ ":status": 202 }, { endStream: true });
  await Promise.all(polls);
});

test("an abort ends the stream and leaves the connection", async () => {
  const rst: number[] = [];
  const open: ServerHttp2Stream[] = [];
  const service = await serve((stream, headers) => {
    if (headers[":path"] !== "/poll") return answer(stream, headers);
    open.push(stream);
    stream.on("close", () => rst.push(stream.rstCode));
  });
  const fetch = create();
  const abort = new AbortController();
  const poll = failureOf(fetch(`${service.url}poll`, { signal: abort.signal }));
  await until("an open poll", () => open.length === 1);
  const reason = new Error("hand-over");
  abort.abort(reason);
  expect(await poll).toBe(reason);
  await until("the reset", () => rst.length === 1);
  expect(rst).toEqual([constants.NGHTTP2_CANCEL]);
  expect((await fetch(service.url)).status).toBe(200);
  expect(service.socketsCount()).toBe(1);
});

test("an abort while the body is read rejects the reader with the signal's reason", async () => {
  const service = await serve((stream) => {
    stream.respond({ ":status": 200 });
    stream.write("half");
  });
  const abort = new AbortController();
  const response = await create()(service.url, { signal: abort.signal });
  const text = failureOf(response.text());
  const reason = new Error("enough");
  abort.abort(reason);
  expect(await text).toBe(reason);
});

test("a body that nobody reads does not stop its neighbours", async () => {
  const big = Buffer.alloc(256 * 1024);
  const service = await serve((stream, headers) => {
    if (headers[":path"] !== "/big") return answer(stream, headers);
    stream.respond({ ":status": 200 });
    return void stream.end(big);
  });
  const fetch = create();
  const unread = await Promise.all(Array.from({ length: 8 }, () => fetch(`${service.url}big`)));
  const response = await fetch(`${service.url}small`);
  expect(await response.text()).toBe("/small undefined");
  expect(service.socketsCount()).toBe(1);
  const bytes = await Promise.all(unread.map((one) => one.arrayBuffer()));
  expect(bytes.map((one) => one.byteLength)).toEqual(Array.from({ length: 8 }, () => big.length));
});

test("GOAWAY is normal: open polls end as they would, new requests take a new connection", async () => {
  const open: ServerHttp2Stream[] = [];
  const service = await serve((stream, headers) => {
    if (headers[":path"] === "/poll") open.push(stream);
    else answer(stream, headers);
  });
  const fetch = create();
  const poll = fetch(`${service.url}poll`);
  await until("an open poll", () => open.length === 1);
  service.sessions[0]?.goaway(constants.NGHTTP2_NO_ERROR);
  await clock.sleep(20);
  expect((await fetch(service.url)).status).toBe(200);
  expect(service.socketsCount()).toBe(2);
  open[0]?.respond({ ":status": 202 }, { endStream: true });
  expect((await poll).status).toBe(202);
});

test("a GOAWAY that leaves a stream out has it asked again on a new connection", async () => {
  const open: ServerHttp2Stream[] = [];
  const service = await serve((stream) => open.push(stream));
  const fetch = create();
  const polls = [fetch(`${service.url}1`), fetch(`${service.url}2`)];
  await until("two open polls", () => open.length === 2);
  // The client's streams are numbered 1, 3, 5 …: the second one was not begun, says the server.
  service.sessions[0]?.goaway(constants.NGHTTP2_NO_ERROR, 1);
  await until("the second poll on a second connection", () => open.length === 3);
  expect(service.sessions.length).toBe(2);
  for (const stream of [open[0], open[2]]) stream?.respond({ ":status": 202 }, { endStream: true });
  expect((await Promise.all(polls)).map((response) => response.status)).toEqual([202, 202]);
});

test("a refused stream is asked again at once, whatever its method", async () => {
  let requests = 0;
  const service = await serve((stream, headers) => {
    if (++requests === 1) stream.close(constants.NGHTTP2_REFUSED_STREAM);
    else answer(stream, headers);
  });
  const response = await create()(service.url, { method: "POST", body: "x" });
  expect([response.status, requests]).toEqual([200, 2]);
});

test("a stream reset by the server fails its own call only", async () => {
  const service = await serve((stream, headers) => {
    if (headers[":path"] === "/bad") stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    else answer(stream, headers);
  });
  const fetch = create();
  expect(await failureOf(fetch(`${service.url}bad`))).toMatchObject({ name: "TransportError" });
  expect((await fetch(service.url)).status).toBe(200);
  expect(service.socketsCount()).toBe(1);
});

test("a stream reset without an error, while its upload waits for room, ends its call", async () => {
  const service = await serve((stream, headers) => {
    if (headers[":path"] === "/drop") stream.close(constants.NGHTTP2_NO_ERROR);
    else answer(stream, headers);
  });
  const fetch = create({ streamsPerSession: 1 });
  const body = "x".repeat(200_000);
  const error = await failureOf(fetch(`${service.url}drop`, { method: "PATCH", body }));
  expect(error).toMatchObject({ name: "TransportError", code: "CLOSED" });
  // Its place on the connection is free again.
  expect((await fetch(service.url)).status).toBe(200);
  expect(service.socketsCount()).toBe(1);
});

test("a connection that is cut fails its polls, and the next call opens another", async () => {
  const open: ServerHttp2Stream[] = [];
  const service = await serve((stream, headers) => {
    if (headers[":path"] === "/poll") open.push(stream);
    else answer(stream, headers);
  });
  const fetch = create();
  const poll = failureOf(fetch(`${service.url}poll`));
  await until("an open poll", () => open.length === 1);
  service.sessions[0]?.socket.destroy();
  service.sessions[0]?.destroy();
  expect(await poll).toMatchObject({ name: "TransportError" });
  expect((await fetch(service.url)).status).toBe(200);
  expect(service.socketsCount()).toBe(2);
});

test("a server without HTTP/2 in the old one's place is spoken to in HTTP/1.1", async () => {
  const first = await serve(answer);
  const way = await startSwitch(Number(new URL(first.url).port));
  const url = `https://127.0.0.1:${way.port}/`;
  const fetch = create();
  expect((await fetch(url)).headers.get("x-method")).toBe("GET");
  const { certificatePem: cert, keyPem: key } = await ca.issue("server", "IP:127.0.0.1");
  const second = await listen(
    createHttp1Server({ cert, key }, (_request, response) => response.end("one")),
  );
  ends.push(second.stop);
  way.leadTo(second.port);
  for (const socket of way.sockets) socket.destroy();
  await clock.sleep(50);
  expect(await (await fetch(url)).text()).toBe("one");
  expect(await (await fetch(url)).text()).toBe("one");
});

test("after a long silence the peer is asked at once whether it is there", async () => {
  const service = await serve((stream, headers) => {
    if (headers[":path"] !== "/poll") answer(stream, headers);
  });
  const fetch = create({ pingEveryMs: 300, pingTimeoutMs: 100 });
  await (await fetch(service.url)).text();
  const pinged = Promise.withResolvers<number>();
  const idleFrom = clock.nowMs();
  await clock.sleep(400);
  service.sessions[0]?.on("ping", () => pinged.resolve(clock.nowMs()));
  const poll = failureOf(fetch(`${service.url}poll`));
  expect((await pinged.promise) - idleFrom).toBeLessThan(650);
  fetch.close();
  expect(await poll).toMatchObject({ name: "TransportError" });
});

/** A TCP way to a server, which can be led to another: what an address does when a machine dies. */
async function startSwitch(firstPort: number) {
  let port = firstPort;
  const server = createTcpServer((client) => {
    const upstream = connect(port, "127.0.0.1");
    upstream.pipe(client).pipe(upstream);
    upstream.on("error", () => client.destroy());
    upstream.on("close", () => client.destroy());
    client.on("close", () => upstream.destroy());
  });
  const listening = await listen(server);
  ends.push(listening.stop);
  const { port: own } = server.address() as AddressInfo; // it listens on TCP
  return { port: own, sockets: listening.sockets, leadTo: (to: number) => (port = to) };
}

test(
  "a stopped server (SIGSTOP) with polls open: the next poll succeeds within 20 s on a new socket",
  { timeout: 60_000 },
  async () => {
    const { certificatePem: cert, keyPem: key } = await ca.issue("server", "IP:127.0.0.1");
    const child = fork(new URL("./http2-fixture.ts", import.meta.url), {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    ends.push(() => child.kill("SIGKILL"));
    type Message = { port?: number; streams?: number };
    const told: Message = {};
    child.on("message", (message: Message) => Object.assign(told, message));
    child.send({ cert, key });
    await until("the server", () => told.port !== undefined);
    const way = await startSwitch(told.port ?? 0);
    const url = `https://127.0.0.1:${way.port}/poll`;
    const fetch = create();
    const polls = Array.from({ length: 10 }, () => failureOf(fetch(url)));
    await until("ten open polls", () => told.streams === 10);

    child.kill("SIGSTOP");
    const stoppedAt = clock.nowMs();
    const healthy = await serve(answer);
    way.leadTo(Number(new URL(healthy.url).port));
    const errors = await Promise.all(polls);
    expect(errors).toEqual(
      Array.from({ length: 10 }, () => expect.objectContaining({ code: "PING_TIMEOUT" })),
    );
    const next = await fetch(url);
    expect(next.status).toBe(200);
    expect(way.sockets.length).toBe(2);
    expect(clock.nowMs() - stoppedAt).toBeLessThanOrEqual(20_000);
  },
);

test("a quiet connection that answers its pings lives on", async () => {
  let stream: ServerHttp2Stream | undefined;
  const service = await serve((opened) => (stream = opened));
  const fetch = create({ pingEveryMs: 20, pingTimeoutMs: 2_000 });
  const poll = fetch(service.url);
  await clock.sleep(300);
  stream?.respond({ ":status": 202 }, { endStream: true });
  expect((await poll).status).toBe(202);
  expect(service.socketsCount()).toBe(1);
});
