// SEC15: what one organisation's credential says of the way to its GitHub must not touch another's.
import type { ScopeCredential } from "@runlet/coordination/credentials";
import { createSeededRandom } from "@runlet/runtime/random";
import { createVirtualClock } from "@runlet/runtime/virtual-clock";
import { expect, it } from "vitest";
import { createGithubWays } from "./github-ways.ts";

const credentialOf = (token: string, more: Partial<ScopeCredential> = {}): ScopeCredential => ({
  credential: { kind: "pat", token },
  ...more,
});

it("each scope's calls go with its own token, CA and proxy, whoever was asked for before", async () => {
  const known: Record<string, ScopeCredential> = {
    "https://ghes.corp/acme": credentialOf("acme", { ca: "CA of corp" }),
    "https://ghes.corp/other": credentialOf("other", { proxy: "http://proxy:3128" }),
    "https://github.com/acme": credentialOf("cloud"),
  };
  const sent: string[] = [];
  const { find, findAccess } = createGithubWays({
    clock: createVirtualClock(),
    random: createSeededRandom(1),
    metrics: { count: () => {}, observe: () => {} },
    credentials: { find: async (url) => known[url] },
    fetchFor:
      ({ ca = "none", proxy = "none" }) =>
      async (url) => {
        sent.push(`${new URL(url).host} by CA ${ca} and proxy ${proxy}`);
        return new Response("{}");
      },
  });
  for (let round = 0; round < 2; round++) {
    for (const [url, { credential }] of Object.entries(known)) {
      const way = await find(url);
      expect(way?.credential).toEqual(credential);
      const access = await findAccess(url);
      expect(access?.authorization).toBe(
        `Bearer ${credential.kind === "pat" ? credential.token : ""}`,
      );
      await access?.fetch(access.proofUrl);
    }
    expect(sent.splice(0)).toEqual([
      "ghes.corp by CA CA of corp and proxy none",
      "ghes.corp by CA none and proxy http://proxy:3128",
      "api.github.com by CA none and proxy none",
    ]);
  }
  expect(await find("https://github.com/nobody")).toBeUndefined();
});
