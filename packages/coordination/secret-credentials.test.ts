import { describe, expect, it } from "vitest";
import { createSecretCredentials, credentialNames } from "./secret-credentials.ts";

const token = (owner: string) => `ghp_${owner.padEnd(36, "0")}`;

function credentialsOf(texts: Record<string, string>) {
  return createSecretCredentials({ find: async (name) => texts[name] }, "runlet/prod/github");
}

describe("the credential of a scope", () => {
  const credentials = credentialsOf({
    "runlet/prod/github/github.com/my-org": token("org"),
    "runlet/prod/github/github.com/my-org/special": token("repo"),
    "runlet/prod/github/ghes.corp=8443": token("server"),
  });
  const find = async (url: string) => (await credentials.find(url))?.credential;

  it("is the nearest one, whatever the case of the names", async () => {
    expect(await find("https://github.com/My-Org/special")).toMatchObject({ token: token("repo") });
    expect(await find("https://github.com/my-org/other")).toMatchObject({ token: token("org") });
    expect(await find("https://www.github.com/my-org/")).toMatchObject({ token: token("org") });
    expect(await find("https://ghes.corp:8443/any")).toMatchObject({ token: token("server") });
  });
  it("is not that of a scope with a longer name, nor of another host", async () => {
    expect(await find("https://github.com/my-org-2")).toBeUndefined();
    expect(await find("https://ghe.test/my-org")).toBeUndefined();
  });
  it("has a name that Secrets Manager takes, the scope's own first", () => {
    const names = credentialNames("runlet/prod/github", "https://ghes.corp:8443/enterprises/acme");
    expect(names).toEqual([
      "runlet/prod/github/ghes.corp=8443/enterprises/acme",
      "runlet/prod/github/ghes.corp=8443/enterprises",
      "runlet/prod/github/ghes.corp=8443",
    ]);
    for (const name of names) expect(name).toMatch(/^[\w/+=.@-]{1,512}$/);
  });
  it("that cannot be read, or is none, is named, and its text is not", async () => {
    const broken = credentialsOf({ "runlet/prod/github/github.com/a": "hunter2" });
    await expect(broken.find("https://github.com/a")).rejects.toThrow(
      /^runlet\/prod\/github\/github.com\/a is no credential(?!.*hunter2)/,
    );
    const away = createSecretCredentials({ find: () => Promise.reject(new Error("away")) }, "p");
    await expect(away.find("https://github.com/a")).rejects.toThrow(
      "cannot read the credential in p/github.com/a",
    );
  });
});
