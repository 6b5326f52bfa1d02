// Why: the admin connection decides whether anything works; these are the ways in which it has failed
// others: a refresh per caller, a lost old token, a storm of refreshes, a clock that is wrong.
import { describe, expect, test } from "vitest";
import {
  adminToken,
  type Answer,
  type Bench,
  createBench,
  serviceBase,
} from "./scripted-server.ts";
import type { AdminConnection, AdminConnectionStore } from "./service.ts";

const hour = 3_600_000;
const gone: Answer = { status: 204 };

/** A call that needs the admin connection and nothing else. */
const call = ({ service, run }: Bench) => run(service.deleteScaleSet(1));

function registrations({ server }: Bench): number {
  return server.requests.filter(({ url }) => url.endsWith("/runner-registration")).length;
}

function tokensUsed({ server }: Bench): string[] {
  return server.requests
    .filter(({ url }) => url.includes("/_apis/"))
    .map(({ headers }) => headers["Authorization"]?.replace("Bearer ", "") ?? "");
}

/** The auth answers of one registration that gives `token`. */
const registration = (token: string, url = `${serviceBase}/`): [Answer, Answer] => [
  { status: 201, body: { token: "AABBCC" } },
  { status: 200, body: { url, token } },
];

const jwtOf = (claims: object) =>
  `e30.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.sig`;

function createMemoryStore(): AdminConnectionStore & { saved: Map<string, AdminConnection> } {
  const saved = new Map<string, AdminConnection>();
  return {
    saved,
    load: (key) => Promise.resolve(saved.get(key)),
    save: (key, connection) => {
      saved.set(key, connection);
      return Promise.resolve();
    },
  };
}

describe("when it is renewed", () => {
  test("it serves many calls, also at once: one registration", async () => {
    const bench = createBench();
    bench.server.always(gone);
    const both = Promise.all([bench.service.deleteScaleSet(1), bench.service.deleteScaleSet(2)]);
    expect(await bench.run(both)).toMatchObject([{ ok: true }, { ok: true }]);
    await call(bench);
    expect(registrations(bench)).toBe(1);
  });

  test("a token with 59 s left is replaced, by one renewal for all who find it so", async () => {
    const bench = createBench();
    bench.server.always(gone);
    await call(bench);
    await bench.clock.runFor(hour - 61_000);
    await call(bench);
    expect(registrations(bench)).toBe(1);
    await bench.clock.runFor(2_000);
    const calls = [1, 2, 3].map((id) => bench.service.deleteScaleSet(id));
    await bench.run(Promise.all(calls));
    expect(registrations(bench)).toBe(2);
    expect(new Set(tokensUsed(bench).slice(-3)).size).toBe(1);
    expect(tokensUsed(bench).at(-1)).not.toBe(tokensUsed(bench)[0]);
  });

  test("the service's address may change with it", async () => {
    const bench = createBench();
    bench.server.always(gone);
    await call(bench);
    await bench.clock.runFor(hour);
    const token = adminToken(bench.clock.wallMs() + hour);
    bench.server.auth.next(...registration(token, "https://other.test/x"));
    await call(bench);
    const url = "https://other.test/x/_apis/runtime/runnerscalesets/1?api-version=6.0-preview";
    expect(bench.server.asked().at(-1)).toBe(`DELETE ${url}`);
  });

  test("a failed renewal keeps the old connection while that is good", async () => {
    const bench = createBench();
    bench.server.always(gone);
    await call(bench);
    await bench.clock.runFor(hour - 30_000);
    bench.server.auth.always({ status: 401, body: { message: "Bad credentials" } });
    expect(await call(bench)).toEqual({ ok: true, value: "deleted" });
    expect(new Set(tokensUsed(bench)).size).toBe(1);
    await bench.clock.runFor(60_000);
    const failed = await call(bench);
    const message = expect.stringContaining("Bad credentials");
    expect(failed).toMatchObject({ ok: false, failure: { reason: "unauthorized", message } });
    bench.server.auth.always(undefined);
    await bench.clock.runFor(60_000);
    expect(await call(bench)).toMatchObject({ ok: true });
  });

  test("a registration that is refused four times and then taken succeeds", async () => {
    const bench = createBench();
    bench.server.always(gone);
    const no = { status: 401, body: { message: "not yet" } };
    const token = adminToken(bench.clock.wallMs() + hour);
    bench.server.auth.next({ status: 201, body: { token: "AABBCC" } }, no, no, no, no, {
      status: 201,
      body: { url: serviceBase, token },
    });
    expect(await call(bench)).toMatchObject({ ok: true });
    expect(tokensUsed(bench)).toEqual([token]);
    expect(registrations(bench)).toBe(5);
  });

  test("a token that lives a minute or less is not renewed at every call", async () => {
    const bench = createBench();
    bench.server.always(gone);
    const short = () => adminToken(bench.clock.wallMs() + 40_000, String(bench.clock.nowMs()));
    bench.server.auth.always(({ url }) =>
      url.endsWith("-token") ? registration("")[0] : (registration(short())[1] ?? gone),
    );
    for (let at = 0; at < 60; at++) {
      await call(bench);
      await bench.clock.runFor(1_000);
    }
    expect(registrations(bench)).toBe(2);
  });
});

describe("when it is refused", () => {
  test("a 401 renews it once and the call goes through", async () => {
    const bench = createBench();
    bench.server.next(gone);
    await call(bench);
    await bench.clock.runFor(10 * 60_000);
    const expired = { typeName: "GitHub.Some.InvalidTokenException, GitHub.Some", message: "no" };
    bench.server.next({ status: 401, body: expired }, gone);
    expect(await call(bench)).toEqual({ ok: true, value: "deleted" });
    expect(registrations(bench)).toBe(2);
    const [, refused, taken] = tokensUsed(bench);
    expect(taken).not.toBe(refused);
  });

  test("ten callers who meet a 401 at once cause one renewal", async () => {
    const bench = createBench();
    bench.server.next(gone);
    await call(bench);
    await bench.clock.runFor(60_000);
    const old = tokensUsed(bench)[0];
    bench.server.always(({ headers }) =>
      headers["Authorization"] === `Bearer ${old}` ? { status: 401, delayMs: 20 } : gone,
    );
    // Slow enough that all of them have been refused before it is done.
    bench.server.auth.next({ status: 201, body: { token: "AABBCC" }, delayMs: 100 });
    const calls = Array.from({ length: 10 }, (_, id) => bench.service.deleteScaleSet(id));
    const outcomes = await bench.run(Promise.all(calls));
    expect(outcomes.every(({ ok }) => ok)).toBe(true);
    expect(registrations(bench)).toBe(2);
  });

  test("a service that refuses every token causes no storm (I26)", async () => {
    const bench = createBench();
    bench.server.next(gone);
    await call(bench);
    bench.server.always({ status: 401 });
    const started = bench.server.requests.length;
    for (let at = 0; at < 600; at++) {
      await bench.clock.runFor(1_000);
      expect(await call(bench)).toMatchObject({ ok: false, failure: { reason: "unauthorized" } });
    }
    // 600 calls in 10 minutes: one each, and a renewal (two requests and a repeat) each half minute.
    expect(registrations(bench)).toBeLessThanOrEqual(22);
    expect(bench.server.requests.length - started).toBeLessThanOrEqual(600 * 1.2);
  });

  test("a token that is refused when it is brand-new is not replaced by another such", async () => {
    const bench = createBench();
    bench.server.always({ status: 401 });
    expect(await call(bench)).toMatchObject({ ok: false, failure: { reason: "unauthorized" } });
    expect(registrations(bench)).toBe(1);
  });

  test("a service that takes and refuses by turns renews a few times, not each time", async () => {
    const bench = createBench();
    let calls = 0;
    bench.server.always(() => ({ status: ++calls % 2 === 0 ? 401 : 204 }));
    for (let at = 0; at < 90; at++) {
      await call(bench);
      await bench.clock.runFor(2_000);
    }
    expect(registrations(bench)).toBeGreaterThan(3);
    expect(registrations(bench)).toBeLessThanOrEqual(1 + 2 * 3);
  });

  test("a permission that is missing for good (403) does not renew at every call", async () => {
    const bench = createBench();
    bench.server.next(gone);
    await call(bench);
    await bench.clock.runFor(60_000);
    bench.server.always(({ url }) => (url.includes("/2?") ? { status: 403 } : gone));
    for (let at = 0; at < 50; at++) {
      await call(bench);
      await bench.run(bench.service.deleteScaleSet(2));
      await bench.clock.runFor(1_000);
    }
    expect(registrations(bench)).toBe(2);
  });

  test("a credential that is refused is asked about slowly, and the failure says the wait", async () => {
    const bench = createBench();
    bench.server.auth.always({ status: 401, body: { message: "Bad credentials" } });
    for (let at = 0; at < 300; at++) {
      const failed = await call(bench);
      expect(failed).toMatchObject({ ok: false, failure: { reason: "unauthorized" } });
      await bench.clock.runFor(1_000);
    }
    expect(bench.server.requests.length).toBeLessThanOrEqual(25);
    expect(await call(bench)).toMatchObject({
      failure: { retryAfterMs: expect.any(Number), message: expect.stringContaining("my-org") },
    });
  });

  test("a rate limit of GitHub's stops registrations until its reset, and no longer", async () => {
    const bench = createBench();
    bench.server.always(gone);
    const headers = { "Retry-After": "120" };
    bench.server.auth.next({ status: 429, headers });
    expect(await call(bench)).toMatchObject({ failure: { reason: "rate-limited" } });
    await bench.clock.runFor(119_000);
    expect(await call(bench)).toMatchObject({ failure: { retryAfterMs: 1_000 } });
    expect(bench.server.requests).toHaveLength(1);
    await bench.clock.runFor(1_000);
    expect(await call(bench)).toMatchObject({ ok: true });
  });
});

describe("what is no connection", () => {
  test.each([
    ["no registration token", { status: 201, body: {} }, undefined],
    ["an empty registration token", { status: 201, body: { token: "" } }, undefined],
    ["a registration token with 200", { status: 200, body: { token: "t" } }, undefined],
    ["no address", undefined, { token: adminToken(2e12) }],
    ["an empty address", undefined, { url: "", token: adminToken(2e12) }],
    ["an address that is no URL", undefined, { url: "tenant/1", token: adminToken(2e12) }],
    ["no admin token", undefined, { url: serviceBase }],
    ["an admin token that is no JWT", undefined, { url: serviceBase, token: "opaque" }],
    [
      "a JWT whose exp is no number",
      undefined,
      { url: serviceBase, token: jwtOf({ exp: "soon" }) },
    ],
    ["a JWT without exp", undefined, { url: serviceBase, token: "e30.e30.sig" }],
    ["a JWT of rubbish", undefined, { url: serviceBase, token: "%%.%%.%%" }],
  ])("%s", async (_what, first, second) => {
    const bench = createBench();
    const token = first ?? { status: 201, body: { token: "AABBCC" } };
    bench.server.auth.next(token, { status: 200, body: second });
    const failed = await call(bench);
    const reason = first?.status === 200 ? "refused" : "unreadable";
    expect(failed).toMatchObject({ ok: false, failure: { reason } });
    expect(JSON.stringify(failed)).not.toMatch(/eyJ|opaque|AABBCC/);
    expect(bench.server.asked()).toEqual([]);
  });

  test("a token that has expired on arrival is used, and replaced a second later", async () => {
    const bench = createBench();
    bench.server.always(gone);
    bench.server.auth.next(...registration(adminToken(bench.clock.wallMs() - 1_000)));
    expect(await call(bench)).toMatchObject({ ok: true });
    await bench.clock.runFor(1_000);
    expect(await call(bench)).toMatchObject({ ok: true });
    expect(registrations(bench)).toBe(2);
  });

  test("a registration that hangs ends at the limit, for all who wait", async () => {
    const bench = createBench();
    bench.server.auth.always({ status: 201, hangs: true });
    expect(await call(bench)).toMatchObject({ ok: false, failure: { reason: "timed-out" } });
    expect(bench.clock.nowMs()).toBe(10_000);
    await bench.clock.runFor(0);
    expect(bench.clock.timersCount()).toBe(0);
  });

  test("a caller who leaves does not end the renewal that others wait for", async () => {
    const bench = createBench();
    bench.server.always(gone);
    bench.server.auth.next({ status: 201, body: { token: "AABBCC" }, delayMs: 500 });
    const leaver = new AbortController();
    const first = bench.service.deleteScaleSet(1, { signal: leaver.signal });
    const second = bench.service.deleteScaleSet(2);
    bench.clock.after(100, () => leaver.abort(new Error("handing over")));
    await expect(bench.run(first)).rejects.toThrow("handing over");
    expect(await bench.run(second)).toMatchObject({ ok: true });
    // The one who left has sent nothing afterwards.
    expect(bench.server.asked()).toHaveLength(1);
  });
});

describe("a clock that is wrong", () => {
  test.each([-300_000, 300_000])("by %i ms neither storms nor fails (I26)", async (skewMs) => {
    const bench = createBench();
    // The server's time is skewMs ahead of ours; its tokens live 20 minutes of its time.
    const serverMs = () => bench.clock.wallMs() + skewMs;
    const headers = () => ({ Date: new Date(serverMs()).toUTCString() });
    const lives = 20 * 60_000;
    bench.server.auth.always(({ url }) =>
      url.endsWith("-token")
        ? { status: 201, body: { token: "t" }, headers: headers() }
        : {
            status: 200,
            body: { url: serviceBase, token: adminToken(serverMs() + lives, `${serverMs()}`) },
            headers: headers(),
          },
    );
    bench.server.always(({ headers: sent }) => {
      const payload = sent["Authorization"]?.split(".")[1] ?? "";
      const { exp } = JSON.parse(Buffer.from(payload, "base64url").toString()) as { exp: number };
      return { status: exp * 1000 > serverMs() ? 204 : 401, headers: headers() };
    });
    for (let at = 0; at < 120; at++) {
      expect(await call(bench)).toMatchObject({ ok: true });
      await bench.clock.runFor(30_000);
    }
    expect(registrations(bench)).toBeLessThanOrEqual(4);
    // Nobody was ever refused: tokens were replaced in time.
    expect(bench.server.asked()).toHaveLength(120);
    expect(bench.lines.filter((line) => line.includes("clock_skewed"))).toHaveLength(1);
  });
});

describe("shared between invocations", () => {
  test("the next client uses what the last one got", async () => {
    const store = createMemoryStore();
    const bench = createBench({ adminConnections: store });
    bench.server.always(gone);
    await call(bench);
    expect([...store.saved.keys()]).toEqual(["ghes.test/my-org"]);
    await bench.run(bench.another().deleteScaleSet(2));
    expect(registrations(bench)).toBe(1);
    expect(new Set(tokensUsed(bench)).size).toBe(1);
  });

  test("a refused token is replaced by the one another invocation has got meanwhile", async () => {
    const store = createMemoryStore();
    const bench = createBench({ adminConnections: store });
    bench.server.always(gone);
    await call(bench);
    const other = adminToken(bench.clock.wallMs() + 2 * hour, "other");
    store.saved.set("ghes.test/my-org", {
      serviceUrl: serviceBase,
      adminToken: other,
      expiresAt: bench.clock.wallMs() + 2 * hour,
    });
    await bench.clock.runFor(10_000);
    bench.server.next({ status: 401 });
    expect(await call(bench)).toMatchObject({ ok: true });
    expect(tokensUsed(bench).at(-1)).toBe(other);
    expect(registrations(bench)).toBe(1);
  });

  test("a stored token that the service refuses is not taken from the store again", async () => {
    const store = createMemoryStore();
    const bench = createBench({ adminConnections: store });
    const expiresAt = bench.clock.wallMs() + hour;
    const revoked = { serviceUrl: serviceBase, adminToken: "revoked", expiresAt };
    store.saved.set("ghes.test/my-org", revoked);
    bench.server.next({ status: 401 });
    bench.server.always(gone);
    expect(await call(bench)).toMatchObject({ ok: true });
    expect(tokensUsed(bench)[0]).toBe("revoked");
    expect(registrations(bench)).toBe(1);
    expect(store.saved.get("ghes.test/my-org")?.adminToken).toBe(tokensUsed(bench)[1]);
  });

  test("a stored connection that is about to end is not used", async () => {
    const store = createMemoryStore();
    const bench = createBench({ adminConnections: store });
    bench.server.always(gone);
    const expiresAt = bench.clock.wallMs() + 59_000;
    store.saved.set("ghes.test/my-org", { serviceUrl: serviceBase, adminToken: "x", expiresAt });
    await call(bench);
    expect(registrations(bench)).toBe(1);
    expect(tokensUsed(bench)).not.toContain("x");
  });

  test.each([
    ["throws", () => Promise.reject(new Error("table is down"))],
    ["never answers", () => new Promise<never>(() => {})],
  ])("a store that %s costs a call nothing but the sharing", async (_what, port) => {
    const bench = createBench({ adminConnections: { load: port, save: port } });
    bench.server.always(gone);
    const outcome = await bench.run(bench.service.deleteScaleSet(1));
    expect(outcome).toMatchObject({ ok: true });
    expect(bench.lines.some((line) => line.includes("admin_connection_not_loaded"))).toBe(true);
  });
});
