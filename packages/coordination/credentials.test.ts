// Why: the right credential for a URL, and a clear word when there is none or it cannot be read.
import { expect, test } from "vitest";
import { createCredentials, CredentialUnreadable, parseCredential } from "./credentials.ts";

const pat = (letter: string) => `ghp_${letter.repeat(36)}`;
const secret = (scopeUrl: string, text: string) => ({
  scopeUrl,
  from: `secret of ${scopeUrl}`,
  read: () => Promise.resolve(text),
});

test("the nearest scope's credential is found, on its own host only", async () => {
  const credentials = createCredentials([
    secret("https://github.com/my-org", pat("a")),
    secret("https://github.com/my-org/repo/", pat("b")),
    secret("https://github.com/enterprises/big", pat("c")),
    secret("https://ghes.corp/my-org", pat("d")),
  ]);
  const tokenFor = async (url: string) => {
    const found = await credentials.find(url);
    return found?.credential.kind === "pat" ? found.credential.token.at(-1) : undefined;
  };
  expect(await tokenFor("https://github.com/My-Org")).toBe("a");
  expect(await tokenFor("https://github.com/my-org/other")).toBe("a");
  expect(await tokenFor("https://www.github.com/my-org/Repo")).toBe("b");
  expect(await tokenFor("https://github.com/enterprises/big")).toBe("c");
  expect(await tokenFor("https://ghes.corp/my-org")).toBe("d");
  expect(await tokenFor("https://github.com/my-org-2")).toBeUndefined();
  expect(await tokenFor("https://github.example.com/my-org")).toBeUndefined();
});

test("a token on one line, and the entries of ARC's config secret", () => {
  expect(parseCredential(`${pat("x")}\n`, "f").credential).toEqual({
    kind: "pat",
    token: pat("x"),
  });
  const app = {
    github_app_id: 12,
    github_app_installation_id: "34",
    github_app_private_key: "-----BEGIN RSA PRIVATE KEY-----\nx\n-----END RSA PRIVATE KEY-----",
    ca: "pem",
    proxy: "http://user:word@proxy.corp:3128",
  };
  expect(parseCredential(JSON.stringify(app), "f")).toEqual({
    credential: {
      kind: "app",
      appId: "12",
      installationId: 34,
      privateKey: app.github_app_private_key,
    },
    ca: "pem",
    proxy: app.proxy,
  });
});

test("what is no credential is refused with where it is and what is wrong, without its text", () => {
  const texts = [
    "",
    "canary secret",
    JSON.stringify({ github_token: "" }),
    JSON.stringify({ github_app_id: "1", github_app_private_key: "canary" }),
    JSON.stringify({ github_app_id: "1", github_app_installation_id: "canary" }),
    JSON.stringify({ proxy: "canary" }),
  ];
  for (const text of texts) {
    const parse = () => parseCredential(text, "org.json");
    expect(parse).toThrow(CredentialUnreadable);
    expect(parse).toThrow(/^org\.json /);
    expect(parse).not.toThrow(/canary/);
  }
});

test("a rotated credential counts at once; one that cannot be read for a while goes on", async () => {
  let answer = () => Promise.resolve(pat("a"));
  const scopeUrl = "https://github.com/my-org";
  const rotating = { scopeUrl, from: "secret", read: () => answer() };
  const credentials = createCredentials([rotating]);
  const found = async () => (await credentials.find(scopeUrl))?.credential;
  expect(await found()).toMatchObject({ token: pat("a") });
  answer = () => Promise.resolve(pat("b"));
  expect(await found()).toMatchObject({ token: pat("b") });
  answer = () => Promise.reject(new Error("throttled"));
  expect(await found()).toMatchObject({ token: pat("b") });
  const fresh = createCredentials([rotating]);
  await expect(fresh.find(scopeUrl)).rejects.toThrow(/cannot read the credential in secret/);
});

test("two hundred who ask at once cost one read; who asks after it has a new one", async () => {
  const scopeUrl = "https://github.com/my-org";
  let reads = 0;
  const read = async () => pat(`read${reads++}`);
  const credentials = createCredentials([{ scopeUrl, from: "secret", read }]);
  const found = () => credentials.find(scopeUrl);
  const all = await Promise.all(Array.from({ length: 200 }, found));
  expect(new Set(all.map((one) => JSON.stringify(one))).size).toBe(1);
  expect(reads).toBe(1);
  expect((await found())?.credential).toMatchObject({ token: pat("read1") });
});
