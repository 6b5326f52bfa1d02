// Why: a GitHub App's token comes through @octokit/auth-app with our clock, cache and transport in place
// of its own; that the replacement is complete is shown here.
import { createVerify, generateKeyPairSync, type KeyObject } from "node:crypto";
import { createSeededRandom } from "@runlet/runtime/random";
import { describe, expect, test } from "vitest";
import { type Answer, type Bench, createBench, type Recorded } from "./scripted-server.ts";
import type { GitHubCredential } from "./service.ts";

const pair = generateKeyPairSync("rsa", { modulusLength: 2048 });
const other = generateKeyPairSync("rsa", { modulusLength: 2048 });
const pem = (key: KeyObject, type: "pkcs1" | "pkcs8") =>
  key.export({ type, format: "pem" }).toString();
const privateKey = pem(pair.privateKey, "pkcs8");
const app: GitHubCredential = { kind: "app", appId: "Iv23abc", installationId: 5, privateKey };
const hour = 3_600_000;

const createAppBench = (credential: GitHubCredential = app, configUrl?: string) =>
  createBench({
    credential: () => Promise.resolve(credential),
    ...(configUrl === undefined ? {} : { configUrl }),
  });

function at(bench: Bench, end: string): Recorded[] {
  return bench.server.requests.filter(({ url }) => url.endsWith(end));
}

const readPart = (part = "") =>
  JSON.parse(Buffer.from(part, "base64url").toString()) as Record<string, unknown>;

/** The JWT of a request, after its signature has been checked. */
function readJwt(request: Recorded | undefined, key = pair.publicKey) {
  const jwt = request?.headers["Authorization"]?.replace(/^Bearer /, "") ?? "";
  const [header, payload, signature = ""] = jwt.split(".");
  const verify = createVerify("RSA-SHA256").update(`${header}.${payload}`);
  expect(verify.verify(key, signature, "base64url")).toBe(true);
  return { header: readPart(header), payload: readPart(payload) };
}

const call = (bench: Bench) => {
  bench.server.always({ status: 204 });
  return bench.run(bench.service.deleteScaleSet(1));
};

describe("a GitHub App", () => {
  test("signs a JWT of nine minutes by our clock, a minute old, with its id as text", async () => {
    const bench = createAppBench();
    expect(await call(bench)).toMatchObject({ ok: true });
    const [request] = at(bench, "/access_tokens");
    expect(request).toMatchObject({
      method: "POST",
      url: "https://ghes.test/api/v3/app/installations/5/access_tokens",
      headers: { "Content-Type": "application/vnd.github+json" },
      body: "",
    });
    const { header, payload } = readJwt(request);
    const now = bench.clock.wallMs() / 1000;
    expect(header).toEqual({ alg: "RS256", typ: "JWT" });
    expect(payload).toEqual({
      iss: "Iv23abc",
      iat: now - 60,
      exp: now + 8 * 60,
      jti: expect.stringMatching(/^[\da-f-]{36}$/),
    });
    expect(at(bench, "/registration-token")[0]?.headers["Authorization"]).toMatch(
      /^Bearer ghs_installation/,
    );
  });

  test.each([
    ["PKCS#1", pem(pair.privateKey, "pkcs1")],
    ["PKCS#8", privateKey],
    ["one line with \\n in it", privateKey.replaceAll("\n", "\\n")],
  ])("takes its key as %s, and a numeric id stays text", async (_what, key) => {
    const bench = createAppBench({ ...app, appId: "12345", privateKey: key });
    expect(await call(bench)).toMatchObject({ ok: true });
    expect(readJwt(at(bench, "/access_tokens")[0]).payload["iss"]).toBe("12345");
  });

  test("asks github.com and ghe.com at their API's address", async () => {
    const bench = createAppBench(app, "https://x.ghe.com/my-org");
    await call(bench);
    expect(at(bench, "/access_tokens")[0]?.url).toBe(
      "https://api.x.ghe.com/app/installations/5/access_tokens",
    );
  });

  test("signs another JWT in each of two containers, also in the same second", async () => {
    const ids: unknown[] = [];
    for (const seed of [1, 2]) {
      const credential = () => Promise.resolve(app);
      const bench = createBench({ credential, random: createSeededRandom(seed) });
      await call(bench);
      ids.push(readJwt(at(bench, "/access_tokens")[0]).payload["jti"]);
    }
    expect(new Set(ids).size).toBe(2);
  });

  test("keeps its installation token until a minute before its end, by our clock", async () => {
    const bench = createAppBench();
    const expires_at = new Date(bench.clock.wallMs() + 3 * hour).toISOString();
    bench.server.auth.next({ status: 201, body: { token: "ghs_long", expires_at } });
    await call(bench);
    await bench.clock.runFor(hour);
    await call(bench);
    await bench.clock.runFor(hour);
    await call(bench);
    expect(at(bench, "/runner-registration")).toHaveLength(3);
    expect(at(bench, "/access_tokens")).toHaveLength(1);
    await bench.clock.runFor(hour - 60_000);
    await call(bench);
    expect(at(bench, "/access_tokens")).toHaveLength(2);
  });

  test("replaces a cached token that has been revoked, once", async () => {
    const bench = createAppBench();
    const expires_at = new Date(bench.clock.wallMs() + 3 * hour).toISOString();
    bench.server.auth.next({ status: 201, body: { token: "ghs_revoked", expires_at } });
    await call(bench);
    await bench.clock.runFor(hour);
    bench.server.auth.next({ status: 401, body: { message: "Bad credentials" } });
    expect(await call(bench)).toMatchObject({ ok: true });
    expect(at(bench, "/access_tokens")).toHaveLength(2);
    const used = at(bench, "/registration-token").map(({ headers }) => headers["Authorization"]);
    expect(used.slice(0, 2)).toEqual(["Bearer ghs_revoked", "Bearer ghs_revoked"]);
    expect(used[2]).not.toBe(used[1]);
  });

  test("signs by GitHub's time after a refusal has told it (F64)", async () => {
    const bench = createAppBench();
    const skewMs = -20 * 60_000;
    const date = () => new Date(bench.clock.wallMs() + skewMs).toUTCString();
    bench.server.auth.next({
      status: 401,
      body: { message: "'Issued at' is in the future" },
      headers: { Date: date() },
    });
    expect(await call(bench)).toMatchObject({ ok: true });
    const [first, second] = at(bench, "/access_tokens").map((request) => readJwt(request).payload);
    expect(Number(second?.["iat"]) - Number(first?.["iat"])).toBe(skewMs / 1000);
  });

  test.each([
    [{ status: 401, body: { message: "suspended" } }, "unauthorized"],
    [{ status: 404, body: { message: "Not Found" } }, "unauthorized"],
    [{ status: 403, body: { message: "This installation has been suspended" } }, "unauthorized"],
    [{ status: 200, body: { token: "ghs_x" } }, "refused"],
    [{ status: 201, body: {} }, "unreadable"],
    [{ status: 201, body: { token: "a|b" } }, "unreadable"],
  ] as [Answer, string][])(
    "whose token is answered %j fails as %s (F20)",
    async (answer, reason) => {
      const bench = createAppBench();
      bench.server.auth.always(answer);
      expect(await call(bench)).toMatchObject({ ok: false, failure: { reason } });
      expect(bench.server.asked()).toEqual([]);
      expect(bench.server.requests).toHaveLength(1);
    },
  );

  test.each([
    ["no PEM", { ...app, privateKey: "hunter2" }],
    ["its first line only", { ...app, privateKey: "-----BEGIN RSA PRIVATE KEY-----" }],
    [
      "a key that is not RSA",
      { ...app, privateKey: pem(generateKeyPairSync("ed25519").privateKey, "pkcs8") },
    ],
    ["no id", { ...app, appId: "" }],
    ["a path as its id", { ...app, appId: "../x" }],
    ["no installation", { ...app, installationId: 0 }],
    ["half an installation", { ...app, installationId: 1.5 }],
  ] as [string, GitHubCredential][])("with %s is refused without a request", async (_what, bad) => {
    const bench = createAppBench(bad);
    const failed = await call(bench);
    expect(failed).toMatchObject({ ok: false, failure: { reason: "unauthorized" } });
    expect(JSON.stringify(failed)).not.toMatch(/hunter2|BEGIN/);
    expect(bench.server.requests).toEqual([]);
  });

  test("of one server never gets the token of another with the same installation number", async () => {
    const one = createAppBench(app, "https://one.test/o");
    const two = createAppBench(
      { ...app, privateKey: pem(other.privateKey, "pkcs8") },
      "https://two.test/o",
    );
    const expires_at = "2030-01-01T00:00:00Z";
    one.server.auth.next({ status: 201, body: { token: "ghs_one", expires_at }, delayMs: 100 });
    two.server.auth.next({ status: 201, body: { token: "ghs_two", expires_at }, delayMs: 100 });
    const calls = [one, two].map((bench) => {
      bench.server.always({ status: 204 });
      return bench.service.deleteScaleSet(1);
    });
    for (const bench of [one, two]) await bench.clock.runFor(1_000);
    expect(await Promise.all(calls)).toMatchObject([{ ok: true }, { ok: true }]);
    const used = (bench: Bench) => at(bench, "/registration-token")[0]?.headers["Authorization"];
    expect([used(one), used(two)]).toEqual(["Bearer ghs_one", "Bearer ghs_two"]);
    readJwt(at(two, "/access_tokens")[0], other.publicKey);
  });

  test("is not held up by a call that never ended, such as that of a killed invocation", async () => {
    const killed = createAppBench();
    const fetch = () => new Promise<never>(() => {});
    void killed.another({ fetch }).deleteScaleSet(1);
    await killed.clock.settle();
    const bench = createAppBench();
    expect(await call(bench)).toMatchObject({ ok: true });
  });

  test("does its work without leaving the thread: all in one instant of virtual time", async () => {
    const bench = createAppBench();
    await call(bench);
    expect(bench.clock.nowMs()).toBe(0);
    expect(bench.server.requests).toHaveLength(4);
  });
});

describe("a credential", () => {
  test("is asked for at each registration, so that a rotated one is picked up", async () => {
    let token = "ghp_old";
    const bench = createBench({ credential: () => Promise.resolve({ kind: "pat", token }) });
    await call(bench);
    token = "ghp_new";
    await bench.clock.runFor(hour);
    await call(bench);
    const used = at(bench, "/registration-token").map(({ headers }) => headers["Authorization"]);
    expect(used).toEqual(["Bearer ghp_old", "Bearer ghp_new"]);
  });

  test("that is refused is looked for anew at once, and asked with once if it is the same", async () => {
    let token = "ghp_old";
    const looks: unknown[] = [];
    const bench = createBench({
      credential: (options) => {
        looks.push(options?.fresh);
        return Promise.resolve({ kind: "pat", token: options?.fresh ? token : "ghp_old" });
      },
    });
    const refusal = { status: 401, body: { message: "Bad credentials" } };
    bench.server.auth.next(refusal);
    expect(await call(bench)).toMatchObject({ ok: false, failure: { reason: "unauthorized" } });
    expect(at(bench, "/registration-token")).toHaveLength(1);
    token = "ghp_new";
    await bench.clock.runFor(2_000);
    bench.server.auth.next(refusal);
    expect(await call(bench)).toMatchObject({ ok: true });
    expect(looks).toEqual([false, true, false, true]);
    const used = at(bench, "/registration-token").map(({ headers }) => headers["Authorization"]);
    expect(used).toEqual(["Bearer ghp_old", "Bearer ghp_old", "Bearer ghp_new"]);
  });

  test("that is replaced by another App's leaves no token of the old one behind", async () => {
    let credential: GitHubCredential = app;
    const bench = createBench({ credential: () => Promise.resolve(credential) });
    await call(bench);
    credential = { ...app, privateKey: pem(other.privateKey, "pkcs8") };
    await bench.clock.runFor(hour);
    await call(bench);
    const requests = at(bench, "/access_tokens");
    expect(requests).toHaveLength(2);
    readJwt(requests[1], other.publicKey);
  });

  test.each(["", "ghp_x\n", "ghp x"])(
    "of the token %j is refused without a request",
    async (token) => {
      const bench = createBench({ credential: () => Promise.resolve({ kind: "pat", token }) });
      const failed = await call(bench);
      expect(failed).toMatchObject({ ok: false, failure: { reason: "unauthorized" } });
      expect(bench.server.requests).toEqual([]);
    },
  );

  test("that cannot be found is a failure that says why", async () => {
    const bench = createBench({ credential: () => Promise.reject(new Error("no secret for x")) });
    expect(await call(bench)).toMatchObject({
      failure: { reason: "unauthorized", message: expect.stringContaining("no secret for x") },
    });
  });
});
