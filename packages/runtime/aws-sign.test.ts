import { describe, expect, it } from "vitest";
import { createAwsFetch } from "./aws-fetch.ts";
import { presignAws, signAws } from "./aws-sign.ts";

// The credentials and the time of AWS's own Signature Version 4 test suite.
const credentials = {
  accessKeyId: "AKIDEXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
};
const wallMs = Date.UTC(2015, 7, 30, 12, 36, 0);
const place = { service: "service", region: "us-east-1" };
const signatureOf = (authorization: string | undefined) =>
  /Signature=(\w+)/.exec(authorization ?? "")?.[1];

describe("a signature", () => {
  it("is that of AWS's test suite: get-vanilla, post-vanilla", async () => {
    const request = { url: "https://example.amazonaws.com/", ...place };
    const got = await signAws(credentials, { ...request, method: "GET" }, wallMs);
    expect(signatureOf(got.headers["authorization"])).toBe(
      "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
    );
    const posted = await signAws(credentials, { ...request, method: "POST" }, wallMs);
    expect(signatureOf(posted.headers["authorization"])).toBe(
      "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
    );
  });
  it("covers the session token, in headers and in a presigned URL", async () => {
    const temporary = { ...credentials, sessionToken: "token/+=" };
    const request = { method: "GET", url: "https://example.amazonaws.com/", ...place };
    const signed = await signAws(temporary, request, wallMs);
    expect(signed.headers["x-amz-security-token"]).toBe("token/+=");
    expect(signed.headers["authorization"]).toContain(
      "SignedHeaders=host;x-amz-date;x-amz-security-token",
    );
    const presigned = await presignAws(temporary, { ...request, expiresSeconds: 60 }, wallMs);
    const query = new URL(presigned.url).searchParams;
    expect(query.get("X-Amz-Security-Token")).toBe("token/+=");
    expect(query.get("X-Amz-Expires")).toBe("60");
    expect(query.get("X-Amz-Signature")).toMatch(/^[0-9a-f]{64}$/);
  });
  it("changes with the body, the headers and the time", async () => {
    const sign = (change: object, at = wallMs) =>
      signAws(
        credentials,
        { method: "POST", url: "https://a.amazonaws.com/", ...place, ...change },
        at,
      );
    const signed = await Promise.all([
      sign({ body: "{}" }),
      sign({ body: "{ }" }),
      sign({ body: "{}", headers: { "x-amz-target": "A" } }),
      sign({ body: "{}" }, wallMs + 1_000),
    ]);
    expect(new Set(signed.map(({ headers }) => signatureOf(headers["authorization"]))).size).toBe(
      4,
    );
  });
});

it("a signed fetch sends what it was given, and asks for the credentials of the moment", async () => {
  const sent: { url: string; init: unknown }[] = [];
  let keys = 0;
  const fetch = createAwsFetch(
    {
      clock: { wallMs: () => wallMs },
      credentials: async () => ({ ...credentials, accessKeyId: `AKID${++keys}` }),
      fetch: async (url, init) => {
        sent.push({ url, init });
        return new Response("{}");
      },
    },
    { service: "kms", region: "eu-west-1" },
  );
  await fetch("https://kms.eu-west-1.amazonaws.com/", { method: "POST", body: "{}" });
  await fetch("https://kms.eu-west-1.amazonaws.com/", { method: "POST", body: "{}" });
  expect(sent.map(({ init }) => init)).toMatchObject([
    {
      method: "POST",
      body: "{}",
      headers: { authorization: expect.stringContaining("AKID1/20150830/eu-west-1/kms/") },
    },
    { method: "POST", body: "{}", headers: { authorization: expect.stringContaining("AKID2/") } },
  ]);
});
