// Why: texts of tenants, of servers and of whoever may post to the webhook go through parsers that everybody shares. None
// of them may cost more than its length, change what other objects inherit, or take a GitHub for another (SEC11,
// SEC31 to SEC33).
import { parseConfigUrl } from "@runlet/actions-service/config-url";
import { parseJson } from "@runlet/actions-service/json";
import { readMessage } from "@runlet/actions-service/message";
import { parsePollerEvent } from "@runlet/control-plane/poller/poller-event";
import { parseFailure } from "@runlet/control-plane/sweep/follow-failure";
import { parseWorkflowJob } from "@runlet/control-plane/webhook/workflow-job";
import { parseCredential } from "@runlet/coordination/credentials";
import { parseStrictKubeconfig } from "@runlet/kubernetes/strict-kubeconfig";
import { createSystemClock } from "@runlet/runtime/clock";
import { createAddressGuard } from "@runlet/runtime/address-guard";
import { createHttpFetch } from "@runlet/runtime/http";
import { redact } from "@runlet/runtime/redact";
import { describe, expect, it } from "vitest";

const clock = createSystemClock();

/** Whatever it throws is its answer. */
function attempt(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    return error;
  }
}

const readers: Record<string, (text: string) => unknown> = {
  "a config URL": (text) => parseConfigUrl(text),
  "a credential": (text) => parseCredential(text, "the test"),
  // Secrets Manager keeps no more of a text.
  "a kubeconfig": (text) => parseStrictKubeconfig(text.slice(0, 65_536)),
  "a CA bundle": (text) => createHttpFetch({ clock, extraCa: [text] }),
  "a webhook's body": (text) => parseWorkflowJob(text),
  "a service's answer": (text) => readMessage(parseJson(text), () => {}),
  "what is logged": (text) => redact({ error: new Error(text), text }),
};

/** Each is the worst for one way of reading: tried at every place, a run costs its length squared. */
const megabyte = 1_000_000;
const repeated = (part: string) => part.repeat(Math.ceil(megabyte / part.length));
const slow: [string, string][] = [
  ["slashes", `https://github.com/a${repeated("/")}x`],
  ["blanks", `${repeated(" ")}x`],
  ["first lines of certificates", repeated("-----BEGIN CERTIFICATE-----")],
  ["beginnings of tokens", repeated("eyJ-")],
  ["beginnings of URLs", repeated("https://a@")],
  ["brackets", repeated("[")],
  ["names of secrets", repeated("token ")],
  ["quotes", `"${repeated('\\"')}`],
];

describe.each(Object.entries(readers))("reading %s", (_what, read) => {
  it.each(slow)("costs no more than a second of computing for a megabyte of %s", (_of, text) => {
    const before = process.cpuUsage();
    attempt(() => read(text));
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1_000).toBeLessThan(1_000);
  });
});

it("names of what every object inherits are names like any other, wherever they stand", () => {
  const evil = '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}';
  const job = `{"action":"queued","workflow_job":${evil.replace("{", '{"id":1,"run_id":2,')},"repository":${evil}}`;
  const message = `{"messageId":1,"messageType":"x","body":${JSON.stringify(`[${evil}]`)},"statistics":${evil}}`;
  const texts = [evil, `[${evil}]`, job, message, `requestPayload: ${evil}`];
  for (const read of Object.values(readers)) for (const text of texts) attempt(() => read(text));
  for (const text of texts.slice(0, 4)) {
    attempt(() => parsePollerEvent(JSON.parse(text)));
    attempt(() => parseFailure({ requestPayload: JSON.parse(text) }));
    attempt(() => redact(JSON.parse(text)));
  }
  expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  expect(([] as unknown as Record<string, unknown>)["polluted"]).toBeUndefined();
});

/** Each looks like GitHub's, or leads to this machine or to the metadata of a cloud. */
const evilUrls = [
  "https://user@github.com/acme",
  "https://user:word@github.com/acme",
  "https://github.com@evil.test/acme",
  "https://github.com:443@evil.test/acme",
  "https://github.com\\@evil.test/acme",
  "https://github.com\\evil.test/acme",
  "https://evil.test#@github.com/acme",
  "https://evil.test?@github.com/acme",
  "https://evil.test/github.com/acme/x",
  "https://github.com.evil.test/acme",
  "https://evilgithub.com/acme",
  "https://github.com./acme",
  "https://api.github.com/acme",
  "https://github.com:8443/acme",
  "https://github.com/acme\r\nHost: evil.test",
  "https://github.com/acme\u0000",
  "https://github.com/acme/../../other",
  "https://github.com/%2e%2e/acme",
  "https://github.com/acme?x=https://evil.test",
  "https://g\u0456thub.com/acme",
  "https://xn--gthub-n4a.com/acme",
  "https://\uff47ithub.com/acme",
  "https://127.0.0.1/acme",
  "https://127.1/acme",
  "https://2130706433/acme",
  "https://0x7f000001/acme",
  "https://0177.0.0.1/acme",
  "https://0/acme",
  "https://localhost/acme",
  "https://localhost./acme",
  "https://[::1]/acme",
  "https://[::ffff:127.0.0.1]/acme",
  "https://169.254.169.254/acme",
  "https://169.254.169.254./acme",
  "https://2852039166/acme",
  "https://[fd00:ec2::254]/acme",
  "https://[::ffff:a9fe:a9fe]/acme",
  "https://100.100.100.200/acme",
  "http://github.com/acme",
  "ftp://github.com/acme",
  "javascript:alert(1)",
  "data:text/plain,github.com/acme",
];

describe("the config URL", () => {
  const guarded = createHttpFetch({ clock, guard: createAddressGuard() });
  /** Spellings that a browser, too, takes for github.com: they are it. */
  const same = new Set(["https://\uff47ithub.com/acme"]);

  /** Not every resolver knows localhost with a dot. */
  const refused = expect.stringMatching(/^(ADDRESS_REFUSED|ENOTFOUND)$/);

  it.each(evilUrls)(
    "%j is refused, or is another's scope; no address of ours is dialled",
    async (text) => {
      const parsed = attempt(() => parseConfigUrl(text));
      if (parsed instanceof Error) return expect(parsed.name).toBe("InvalidConfigUrl");
      const { scopeKey, apiBase } = parsed as ReturnType<typeof parseConfigUrl>; // not thrown: parsed
      const isGithubs = scopeKey.startsWith("github.com/") || apiBase === "https://api.github.com";
      // A credential is found by scope, so another host's scope never gets GitHub's.
      expect(isGithubs).toBe(same.has(text));
      const { hostname } = new URL(apiBase);
      if (!/^(localhost\.?|[\d.]+|\[.*\])$/.test(hostname)) return undefined;
      return expect(guarded(apiBase)).rejects.toMatchObject({ code: refused });
    },
  );
});
