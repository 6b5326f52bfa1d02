// Why: who may come in: the PAT, or an App whose JWT is signed, fresh and short-lived.
import { createSign, generateKeyPairSync } from "node:crypto";
import { expect, test } from "vitest";
import { createBed, host } from "./protocol-fixture.ts";

const pair = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
});
const stranger = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
});
const app = { ids: ["12345", "Iv23abc"], installationIds: [77], publicKey: pair.publicKey };

function sign(claims: object, key = pair.privateKey, alg = "RS256"): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const signed = `${part({ alg, typ: "JWT" })}.${part(claims)}`;
  return `${signed}.${createSign("RSA-SHA256").update(signed).sign(key, "base64url")}`;
}

test("an installation's token is as good as the PAT", async () => {
  const { call, clock } = createBed("acquire", {}, { app });
  const now = Math.floor(clock.wallMs() / 1000);
  for (const iss of app.ids) {
    const jwt = sign({ iss, iat: now - 60, exp: now + 480 });
    const answer = await call("POST", "/api/v3/app/installations/77/access_tokens", { token: jwt });
    expect(answer.status).toBe(201);
    expect(answer.json["expires_at"]).toBe("2026-01-01T01:00:00Z");
    const registration = await call("POST", "/orgs/my-org/actions/runners/registration-token", {
      token: String(answer.json["token"]),
    });
    expect(registration.status).toBe(201);
  }
});

test("a JWT is refused when its signature, issuer or times are wrong", async () => {
  const { call, clock } = createBed("acquire", {}, { app });
  const now = Math.floor(clock.wallMs() / 1000);
  const good = { iss: "12345", iat: now - 60, exp: now + 480 };
  const path = "/api/v3/app/installations/77/access_tokens";
  const refused: [string, string | undefined][] = [
    ["none", undefined],
    ["no JWT", "abc"],
    ["another key", sign(good, stranger.privateKey)],
    ["another algorithm", sign(good, pair.privateKey, "none")],
    [
      "a changed claim",
      sign(good).replace(/\.[^.]+\./, `.${Buffer.from("{}").toString("base64url")}.`),
    ],
    ["another App", sign({ ...good, iss: "9" })],
    ["expired", sign({ ...good, exp: now - 1 })],
    ["from the future", sign({ ...good, iat: now + 61 })],
    ["too long-lived", sign({ ...good, exp: now + 601 })],
  ];
  for (const [why, token] of refused) {
    expect([why, (await call("POST", path, { token })).status]).toEqual([why, 401]);
  }
  const elsewhere = path.replace("77", "78");
  expect((await call("POST", elsewhere, { token: sign(good) })).status).toBe(404);
});

test("a wrong PAT is refused, and so is a registration token for another scope", async () => {
  const { call } = createBed("acquire");
  const path = "/api/v3/orgs/my-org/actions/runners/registration-token";
  expect((await call("POST", path, { token: "ghp_wrong" })).status).toBe(401);
  expect((await call("POST", path)).status).toBe(401);
  const { json } = await call("POST", path, { token: "ghp_x" });
  const register = (token: string, url: string) =>
    call("POST", "/api/v3/actions/runner-registration", {
      scheme: "RemoteAuth",
      token,
      body: JSON.stringify({ url, runner_event: "register" }),
    });
  expect((await register("nonsense", `${host}/my-org`)).status).toBe(401);
  expect((await register(String(json["token"]), `${host}/other-org`)).status).toBe(400);
  expect((await register(String(json["token"]), `${host}/My-Org/`)).status).toBe(200);
});

test("organisations, repositories and enterprises are scopes of their own", async () => {
  const { connect, createSet, session, poll, control } = createBed("acquire");
  const sets: Record<string, { admin: Awaited<ReturnType<typeof connect>>; set: string }> = {};
  for (const scope of ["my-org", "my-org/repo", "enterprises/acme"]) {
    const admin = await connect(scope);
    sets[scope] = { admin, set: await createSet(admin, "my-set") };
  }
  control.queueJobs({ scaleSet: "my-set", repository: "My-Org/repo", enterprise: "acme" });
  for (const { admin, set } of Object.values(sets)) {
    expect((await poll(await session(admin, set))).json).toMatchObject({ messageId: 1 });
  }
  control.queueJobs({ scaleSet: "my-set", repository: "my-org/other" });
  const tallies = control.ledger().scaleSets.map((set) => set.statistics.totalAvailableJobs);
  expect(tallies).toEqual([2, 1, 1]);
});
