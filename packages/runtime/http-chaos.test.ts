// Why: connections break at the worst moment. Whatever a server does and whenever a caller gives up, each
// call ends, nothing is thrown where nobody listens (vitest fails on that), and afterwards all is well.
import type { IncomingMessage, ServerResponse } from "node:http";
import {
  constants,
  createSecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from "node:http2";
import { beforeAll, expect, test } from "vitest";
import { createSystemClock } from "./clock.ts";
import { createTestCa, listen, type TestCa } from "./http-fixture.ts";
import { createHttpFetch } from "./http.ts";
import { createSeededRandom } from "./random.ts";

const clock = createSystemClock();
let ca: TestCa;
beforeAll(async () => {
  ca = await createTestCa("Chaos CA");
});

type Request = IncomingMessage | Http2ServerRequest;
type Answer = ServerResponse | Http2ServerResponse;

const isHttp2 = (response: Answer): response is Http2ServerResponse => "stream" in response;

/** What a server may do to a request; the request says which, so that the seed decides and no clock. */
const moods: ((request: Request, response: Answer) => void)[] = [
  (_request, response) => void response.end("whole"),
  (_request, response) => void setTimeout(() => response.end("late"), 15),
  (_request, response) => {
    write(response, "half");
    setTimeout(() => response.end(), 10);
  },
  (request, response) => {
    write(response, "half");
    setTimeout(() => request.socket.destroy(), 5);
  },
  (request) => void request.socket.destroy(),
  silence,
  (_request, response) => {
    if (isHttp2(response)) response.stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    else response.destroy();
  },
  (_request, response) => {
    if (isHttp2(response)) response.stream.close(constants.NGHTTP2_REFUSED_STREAM);
    else response.end("whole");
  },
  (_request, response) => {
    if (isHttp2(response)) response.stream.session?.goaway(constants.NGHTTP2_NO_ERROR);
    response.end("whole");
  },
  (_request, response) => {
    if (isHttp2(response)) response.stream.session?.destroy();
    else response.destroy();
  },
];

/** A poll that is never answered: its caller has to end it. */
function silence(): void {}

/** The two kinds of response are written to alike, in words that TypeScript cannot join. */
function write(response: Answer, text: string): void {
  if (isHttp2(response)) response.write(text);
  else response.write(text);
}

async function startMoodyServer() {
  const { certificatePem: cert, keyPem: key } = await ca.issue("server", "IP:127.0.0.1");
  const server = createSecureServer({ cert, key, allowHTTP1: true });
  let calm = false;
  server.on("request", (request: Request, response: Answer) => {
    request.on("error", () => {});
    response.on("error", () => {});
    if (calm) response.end("calm");
    else moods[Number(request.headers["x-mood"])]?.(request, response);
  });
  server.on("session", (session) => session.on("error", () => {}));
  const listening = await listen(server);
  const url = `https://127.0.0.1:${listening.port}/`;
  return { url, becomeCalm: () => (calm = true), stop: listening.stop };
}

const cases = [1, 2, 3].flatMap((seed) => [
  { seed, http2: "when-offered" as const },
  { seed, http2: "never" as const },
]);

test.each(cases)(
  "chaos with seed $seed, HTTP/2 $http2",
  { timeout: 60_000 },
  async ({ seed, http2 }) => {
    const random = createSeededRandom(seed);
    const server = await startMoodyServer();
    const numbers = { streamsPerSession: 5, socketsPerOrigin: 20, pingEveryMs: 20 };
    const fetch = createHttpFetch({ clock, onlyCa: [ca.certificatePem], http2, ...numbers });
    const ends = new Map<string, number>();
    const call = async () => {
      const mood = random.int(moods.length);
      const impatient = moods[mood] === silence || random.int(4) === 0;
      const abort = new AbortController();
      const cancel = clock.after(random.int(60), () => {
        if (impatient) abort.abort(new Error("enough"));
      });
      const method = random.int(2) === 0 ? "GET" : "PATCH";
      const init = { method, signal: abort.signal, headers: { "x-mood": String(mood) } };
      const body = method === "PATCH" ? { body: "x".repeat(random.int(100_000)) } : {};
      try {
        const response = await fetch(server.url, { ...init, ...body });
        return await response.text();
      } catch (error) {
        return error instanceof Error ? error.name : "no error";
      } finally {
        cancel();
      }
    };
    for (let wave = 0; wave < 12; wave++) {
      const texts = await Promise.all(Array.from({ length: 25 }, call));
      for (const text of texts) ends.set(text, (ends.get(text) ?? 0) + 1);
    }
    // Every kind of end was met (who is patient at a good server gets it all), and no other.
    const known = ["Error", "TransportError", "half", "late", "whole"];
    expect([...ends.keys()].filter((end) => !known.includes(end))).toEqual([]);
    expect(ends.get("TransportError") ?? 0).toBeGreaterThan(0);
    expect(ends.get("Error") ?? 0).toBeGreaterThan(0);
    expect(ends.get("whole") ?? 0).toBeGreaterThan(0);

    server.becomeCalm();
    const calm = await Promise.all(
      Array.from({ length: 40 }, async () => {
        return (await fetch(server.url)).text();
      }),
    );
    expect(new Set(calm)).toEqual(new Set(["calm"]));
    fetch.close();
    await server.stop();
  },
);
