// SEC13: addresses that a server gives are called with tokens.
import { describe, expect, test } from "vitest";
import { adminToken, createBench } from "./scripted-server.ts";

const bad: [string, string, RegExp][] = [
  ["without TLS", "http://elsewhere.test/q", /is http, although the config URL is https/],
  ["with credentials", "https://user:hunter2@elsewhere.test/q", /contains credentials/],
  ["of a file", "file:///etc/passwd", /no http\(s\) URL/],
  ["of another protocol", "gopher://elsewhere.test/", /no http\(s\) URL/],
  ["without a scheme", "//elsewhere.test/q", /no http\(s\) URL/],
  ["without an end", `https://elsewhere.test/${"/".repeat(5_000)}`, /has 5023 characters/],
];

describe.each(bad)(
  "an address %s, given by a server that is reached over TLS",
  (_which, url, why) => {
    const refused = {
      ok: false,
      failure: { reason: "unreadable", message: expect.stringMatching(why) },
    };

    test("as the service's is refused, and nobody is sent a token", async () => {
      const bench = createBench();
      const token = adminToken(bench.clock.wallMs() + 3_600_000);
      bench.server.auth.next(
        { status: 201, body: { token: "AABBCC" } },
        { status: 200, body: { url, token } },
      );
      const failed = await bench.run(bench.service.deleteScaleSet(1));
      expect(failed).toMatchObject(refused);
      expect(JSON.stringify(failed)).not.toContain("hunter2");
      expect(bench.server.asked()).toEqual([]);
    });

    test("as the queue's is refused, and the session is given back", async () => {
      const bench = createBench();
      const session = {
        sessionId: "3f0c4f5e-0a51-4b1c-9a44-0f6f6f0a9a11",
        messageQueueUrl: url,
        messageQueueAccessToken: "mqt-1",
      };
      bench.server.next(
        { status: 200, body: session },
        { status: 200, body: session },
        { status: 204 },
      );
      expect(await bench.run(bench.service.createSession(7, "host-1"))).toMatchObject(refused);
      const asked = bench.server.asked().map((line) => line.split(" ")[0]);
      expect(asked).toEqual(["POST", "PATCH", "DELETE"]);
      expect(bench.server.requests.some((request) => request.url.startsWith(url))).toBe(false);
    });
  },
);

test("an http address is taken from a server that is reached without TLS", async () => {
  const bench = createBench({ configUrl: "http://ghes.test/my-org" });
  const token = adminToken(bench.clock.wallMs() + 3_600_000);
  bench.server.auth.next(
    { status: 201, body: { token: "AABBCC" } },
    { status: 200, body: { url: "http://ghes.test/tenant", token } },
  );
  bench.server.next({ status: 204 });
  expect(await bench.run(bench.service.deleteScaleSet(1))).toMatchObject({ ok: true });
});
