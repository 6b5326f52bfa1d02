import { describe, expect, it } from "vitest";
import { parseCredential } from "./credential.ts";

function secret(data: Record<string, string>) {
  const encoded = Object.entries(data).map(([key, value]) => [
    key,
    Buffer.from(value).toString("base64"),
  ]);
  return { metadata: { name: "github", namespace: "runners" }, data: Object.fromEntries(encoded) };
}
const app = {
  github_app_id: "123",
  github_app_installation_id: "456",
  github_app_private_key: "-----BEGIN RSA PRIVATE KEY-----\nx\n-----END RSA PRIVATE KEY-----\n",
};

describe("a githubConfigSecret", () => {
  it("is a token or an App; white space around a value is nobody's secret", () => {
    expect(parseCredential(secret({ github_token: "ghp_x\n" }))).toEqual({
      kind: "pat",
      token: "ghp_x",
    });
    expect(parseCredential(secret(app))).toMatchObject({
      kind: "app",
      appId: "123",
      installationId: 456,
    });
  });

  const refused: [string, Record<string, string>, RegExp][] = [
    ["nothing", {}, /neither github_token nor/],
    ["both", { ...app, github_token: "ghp_x" }, /both/],
    [
      "half an App",
      { github_app_id: "1" },
      /lacks github_app_installation_id, github_app_private_key/,
    ],
    ["a word for an installation", { ...app, github_app_installation_id: "mine" }, /whole number/],
  ];
  for (const [what, data, words] of refused) {
    it(`${what} is refused in words that hold no value`, () => {
      expect(() => parseCredential(secret(data))).toThrow(words);
      expect(() => parseCredential(secret(data))).not.toThrow(/ghp_x|mine/);
    });
  }
});
