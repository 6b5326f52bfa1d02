// Why: a config URL that is misread sends a credential to the wrong place (actions/scaleset config_test.go
// is the least that must hold; the refusals are the traps of that parser).
import { describe, expect, test } from "vitest";
import { InvalidConfigUrl, parseConfigUrl, scopeApiPath } from "./config-url.ts";

const org = (organization: string) => ({ kind: "organization", organization });
const repo = (organization: string, repository: string) => ({
  kind: "repository",
  organization,
  repository,
});
const enterprise = (name: string) => ({ kind: "enterprise", enterprise: name });

describe("a config URL that is understood", () => {
  test.each([
    ["https://github.com/org/repo", repo("org", "repo"), "https://api.github.com", true],
    ["https://github.com/org/repo/", repo("org", "repo"), "https://api.github.com", true],
    ["https://github.com/enterprises/e", enterprise("e"), "https://api.github.com", true],
    ["https://github.com/Enterprises/e/", enterprise("e"), "https://api.github.com", true],
    ["https://github.com/org", org("org"), "https://api.github.com", true],
    ["https://github.com//org/", org("org"), "https://api.github.com", true],
    ["https://www.github.com/org", org("org"), "https://api.github.com", true],
    ["https://www.github.com/org/", org("org"), "https://api.github.com", true],
    ["https://x.ghe.com/org/", org("org"), "https://api.x.ghe.com", true],
    ["http://github.localhost/org", org("org"), "http://api.github.localhost", true],
    ["https://ghes.corp/org", org("org"), "https://ghes.corp/api/v3", false],
    ["https://ghes.corp/org/", org("org"), "https://ghes.corp/api/v3", false],
    ["https://ghes.corp:8443/org/r.x", repo("org", "r.x"), "https://ghes.corp:8443/api/v3", false],
    ["https://ghes.corp/enterprises/e", enterprise("e"), "https://ghes.corp/api/v3", false],
    ["http://127.0.0.1:8080/my-org", org("my-org"), "http://127.0.0.1:8080/api/v3", false],
    ["https://github.com/org/.github", repo("org", ".github"), "https://api.github.com", true],
    // Upper-case hosts and the default port are what a browser makes of them.
    ["https://GitHub.com/org", org("org"), "https://api.github.com", true],
    ["https://foo.GHE.com/org", org("org"), "https://api.foo.ghe.com", true],
    ["https://github.com:443/org", org("org"), "https://api.github.com", true],
  ])("%s", (text, scope, apiBase, hosted) => {
    const parsed = parseConfigUrl(text);
    expect(parsed).toMatchObject({ scope, apiBase, hosted });
    expect(parsed.url).not.toMatch(/\/$|\/\/[^/]*\/\//);
  });

  test("its key is one string for all spellings of one scope", () => {
    const keys = [
      "https://github.com/My-Org/Repo",
      "https://www.GitHub.com/my-org/repo/",
      "https://github.com:443/my-org/repo",
    ].map((text) => parseConfigUrl(text).scopeKey);
    expect(new Set(keys)).toEqual(new Set(["github.com/my-org/repo"]));
    expect(parseConfigUrl("http://127.0.0.1:9000/o").scopeKey).toBe("127.0.0.1:9000/o");
  });

  test("its names keep their case on the way to the API", () => {
    expect(parseConfigUrl("https://github.com/My-Org").url).toBe("https://github.com/My-Org");
  });

  test("no host is hosted when GHES is forced", () => {
    const parsed = parseConfigUrl("https://x.ghe.com/org", { forceGhes: true });
    expect(parsed).toMatchObject({ apiBase: "https://x.ghe.com/api/v3", hosted: false });
  });

  test.each([
    ["https://github.com/org/repo", "/repos/org/repo"],
    ["https://github.com/org", "/orgs/org"],
    ["https://github.com/enterprises/e", "/enterprises/e"],
  ])("%s has its registration tokens under %s", (text, path) => {
    expect(scopeApiPath(parseConfigUrl(text).scope)).toBe(path);
  });
});

describe("a config URL that is refused, with the reason", () => {
  test.each([
    ["", /empty/],
    ["github.com/org", /no scheme/],
    ["//github.com/org", /no scheme/],
    [" https://github.com/org", /white space/],
    ["https://github.com/org\n", /white space/],
    ["https://github.com\\org", /backslash/],
    ["https://github.com/org\u0000", /control character/],
    ["https://github.com/org/../other", /segment of dots/],
    ["https://github.com/%2e%2E/org", /segment of dots/],
    [`https://github.com/${"/".repeat(600)}`, /has 619 characters/],
    ["ssh://github.com/org", /neither https nor http/],
    ["http://github.com/org", /unencrypted/],
    ["http://x.ghe.com/org", /unencrypted/],
    ["https://", /not a URL/],
    ["https://github.com", /no path/],
    ["https://github.com/", /no path/],
    ["https://github.com/a/b/c", /3 path segments/],
    ["https://github.com/a//b", /3 path segments/],
    ["https://ghes/sub/org/repo", /3 path segments/],
    ["https://github.com/enterprises", /names no enterprise/],
    ["https://github.com/orgs/my-org", /page of GitHub/],
    ["https://github.com/org/repo.git", /\.git/],
    ["https://github.com/org%2Frepo", /no GitHub name/],
    ["https://ghe.com/org", /not a tenant/],
    ["https://api.github.com/org", /API's address/],
    ["https://api.x.ghe.com/org", /API's address/],
    ["https://github.com/org?x=1", /query/],
    ["https://github.com/org#f", /fragment/],
  ])("%j", (text, reason) => {
    expect(() => parseConfigUrl(text)).toThrow(InvalidConfigUrl);
    expect(() => parseConfigUrl(text)).toThrow(reason);
  });

  test("its message shows no credentials", () => {
    const text = "https://user:hunter2@github.com/org?token=s3cret";
    expect(() => parseConfigUrl(text)).toThrow(/credentials/);
    expect(() => parseConfigUrl(text)).not.toThrow(/hunter2|s3cret/);
  });
});
