import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createLog } from "./log.ts";
import { describeError, redact, redactText } from "./redact.ts";

// A canary is a text that must never come out; letters and digits, as credentials are.
const canary = fc.stringMatching(/^[A-Za-z0-9]{20,40}$/);

/** Everywhere a credential is met in practice. */
const places: Record<string, (secret: string) => unknown> = {
  "a secret field": (secret) => ({ queueToken: secret }),
  "a secret field of another case": (secret) => ({ GITHUB_TOKEN: secret, PassWord: secret }),
  "a list under a secret name": (secret) => ({ tokens: [secret, secret] }),
  "an object under a secret name": (secret) => ({ credentials: { value: secret } }),
  "a header": (secret) => ({ headers: { Authorization: `Bearer ${secret}` } }),
  "a bearer header in a text": (secret) => `sent Authorization: Bearer ${secret} and failed`,
  "basic and remote auth": (secret) => `Basic ${secret} RemoteAuth ${secret}`,
  "a GitHub token": (secret) => `fatal: ghp_${secret} and github_pat_${secret}`,
  "an EKS token": (secret) => `k8s-aws-v1.${secret}`,
  "a JWT": (secret) => `token eyJhbGciOiJSUzI1NiJ9.${secret}.${secret} refused`,
  "a JIT config": (secret) => `started with eyJ${secret}${secret}==`,
  "a PEM block": (secret) => `-----BEGIN KEY-----\n${secret}\n-----END KEY-----`,
  "a PEM block that was cut off": (secret) => `-----BEGIN RSA PRIVATE KEY-----\n${secret}`,
  "a URL's user": (secret) => `https://user:${secret}@proxy.example:3128/`,
  "a URL's query": (secret) => `GET https://queue.example/message?sessionId=${secret}&x=1 failed`,
  "JSON in a text": (secret) => `answer {"adminToken":"${secret}","x":1}`,
  "JSON in JSON": (secret) => JSON.stringify(JSON.stringify({ encodedJitConfig: secret })),
  "a pair": (secret) => `client_secret=${secret}&grant_type=x`,
  "an error": (secret) => new Error(`password: ${secret}`),
  "a cause": (secret) => new Error("x", { cause: new Error(`Bearer ${secret}`) }),
  bytes: (secret) => ({ key: Buffer.from(secret), utf8: new TextEncoder().encode(secret) }),
  "a key": (secret) => ({ [`ghs_${secret}`]: 1 }),
};

/** Values with `inner` somewhere inside. */
function around(inner: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      inner,
      fc.tuple(fc.anything({ maxDepth: 1 }), tie("tree")),
      fc.record({ name: fc.string(), value: tie("tree") }),
    ),
  }));
  return tree;
}

describe("a canary never comes out of", () => {
  test.each(Object.entries(places))("%s, however deep it lies", (_where, place) => {
    const values = canary.chain((secret) => {
      return around(fc.constant(place(secret))).map((value) => ({ secret, value }));
    });
    fc.assert(
      fc.property(values, ({ secret, value }) => {
        const lines: string[] = [];
        const log = createLog({ write: (line) => lines.push(line), wallMs: () => 0 });
        log.with({ context: value }).error("it_failed", { value });
        expect(lines.length).toBe(1);
        expect(lines[0]).not.toContain(secret);
        expect(JSON.stringify(lines[0])).not.toContain(secret.slice(0, 12));
      }),
      { numRuns: 60 },
    );
  });
});

test("what is no secret stays readable", () => {
  const plain = {
    scaleSet: "gpu-large",
    url: "https://github.com/my-org",
    tokensCount: 3,
    secretKnown: true,
    message: "spec.githubConfigSecret: must not be empty",
    queueTokenExpiresAt: 1_767_225_600_000,
    list: ["a", 1n, null],
  };
  expect(redact(plain)).toEqual({ ...plain, list: ["a", "1", null] });
  expect(redactText("no token was made for poller")).toBe("no token was made for poller");
});

test("redacting again changes nothing", () => {
  fc.assert(
    fc.property(fc.constantFrom(...Object.values(places)), canary, (place, secret) => {
      const once = redact(place(secret));
      expect(redact(once)).toEqual(once);
    }),
  );
});

test("an error is one line with its causes, a circle of them too", () => {
  const inner = new TypeError("not a number");
  expect(describeError(new Error("cannot poll", { cause: inner }))).toBe(
    "Error: cannot poll: TypeError: not a number",
  );
  inner.cause = inner;
  expect(describeError(inner).length).toBeLessThan(1_000);
  const again = new Error("list pods: no answer within 10 ms", {
    cause: new TypeError("no answer within 10 ms", { cause: "why" }),
  });
  expect(describeError(again)).toBe("Error: list pods: no answer within 10 ms: why");
  expect(describeError("thrown text")).toBe("thrown text");
});

test("what is endless is cut: texts, depth, circles", () => {
  expect(redactText("x".repeat(10_000_000)).length).toBeLessThan(9_000);
  const circle: Record<string, unknown> = { name: "a" };
  circle["self"] = circle;
  expect(JSON.stringify(redact(circle)).length).toBeLessThan(300);
  expect(redact({ payload: Buffer.alloc(1_000_000, 7) })).toEqual({ payload: "(1000000 bytes)" });
  expect(redact({ at: new Date(Number.NaN), when: new Date(0) })).toEqual({
    at: null,
    when: "1970-01-01T00:00:00.000Z",
  });
});
