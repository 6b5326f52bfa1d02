// Why: what the cloud stores about a cluster decides where tokens are sent and what is run. Each thing a
// kubeconfig may do that it must not do here is refused, with a reason and a remedy (SEC16, SEC17).
import { createTestCa } from "@runlet/runtime/http-fixture";
import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { stringify } from "yaml";
import { KubeconfigRefused } from "./kubeconfig-problems.ts";
import { parseServerUrl } from "./server-url.ts";
import { parseStrictKubeconfig } from "./strict-kubeconfig.ts";

const ca = await createTestCa("cluster-ca");
const admin = await ca.issue("admin", "DNS:admin");
const stranger = await ca.issue("stranger", "DNS:stranger");

const base64 = (text: string) => Buffer.from(text).toString("base64");
const goodCluster = {
  server: "https://cluster.example.com:6443",
  "certificate-authority-data": base64(ca.certificatePem),
};
const goodUser = { token: "eyJ.secret.token" };

function file(cluster: object = goodCluster, user: object = goodUser, more: object = {}): string {
  return stringify({
    apiVersion: "v1",
    kind: "Config",
    preferences: {},
    "current-context": "east",
    clusters: [{ name: "c", cluster }],
    users: [{ name: "u", user }],
    contexts: [{ name: "east", context: { cluster: "c", user: "u", namespace: "x" } }],
    ...more,
  });
}

function refusalOf(text: string, options?: { context?: string }): KubeconfigRefused {
  try {
    parseStrictKubeconfig(text, options);
  } catch (error) {
    if (error instanceof KubeconfigRefused) return error;
    throw error;
  }
  throw new Error("it was accepted");
}

test("an address, a CA and a token are all that is taken", () => {
  expect(parseStrictKubeconfig(file())).toEqual({
    context: "east",
    server: "https://cluster.example.com:6443",
    caPem: ca.certificatePem,
    credential: { kind: "token", token: "eyJ.secret.token" },
  });
});

test("a client certificate with its key is taken, with the server's TLS name", () => {
  const user = {
    "client-certificate-data": base64(admin.certificatePem),
    "client-key-data": base64(admin.keyPem),
  };
  const cluster = { ...goodCluster, "tls-server-name": "kubernetes.default" };
  const config = parseStrictKubeconfig(file(cluster, user));
  expect(config.credential).toEqual({
    kind: "certificate",
    certificatePem: admin.certificatePem,
    keyPem: admin.keyPem,
  });
  expect(config.serverName).toBe("kubernetes.default");
});

test("fields that say nothing are no offence", () => {
  const cluster = { ...goodCluster, "insecure-skip-tls-verify": false, "proxy-url": "" };
  expect(parseStrictKubeconfig(file(cluster)).context).toBe("east");
});

test.each([
  ["exec", { exec: { command: "aws", apiVersion: "client.authentication.k8s.io/v1" } }],
  ["auth-provider", { "auth-provider": { name: "gcp" } }],
  ["tokenFile", { tokenFile: "/var/run/token" }],
  ["client-certificate", { "client-certificate": "/home/me/a.crt" }],
  ["client-key", { "client-key": "/home/me/a.key" }],
  ["user names", { username: "admin", password: "hunter2" }],
  ["impersonation", { ...goodUser, as: "system:admin" }],
  ["impersonation", { ...goodUser, "as-groups": ["system:masters"] }],
  ["no token and no certificate", {}],
  ["not understood", { ...goodUser, surprise: "x" }],
  ["no token has", { token: "two words" }],
  ["client-key-data is missing", { "client-certificate-data": "x" }],
])("a user with %s is refused", (reason, user) => {
  const error = refusalOf(file(goodCluster, user));
  expect(error.problems.map((one) => one.reason).join("; ")).toContain(reason);
  for (const problem of error.problems) expect(problem.remedy.length).toBeGreaterThan(5);
  expect(error.message).not.toContain("hunter2");
});

test.each([
  ["insecure-skip-tls-verify", { "insecure-skip-tls-verify": true }],
  ["proxy-url", { "proxy-url": "http://proxy:3128" }],
  ["certificate-authority names a file", { "certificate-authority": "/ca.crt" }],
  ["no certificate-authority-data", { "certificate-authority-data": "" }],
  ["no base64 of PEM", { "certificate-authority-data": "bm90IHBlbQ==" }],
  [
    "holds no certificate that can be read",
    {
      "certificate-authority-data": base64(
        "-----BEGIN CERTIFICATE-----\nbm9uc2Vuc2U=\n-----END CERTIFICATE-----\n",
      ),
    },
  ],
  ["plain http", { server: "http://cluster.example.com" }],
])("a cluster with %s is refused", (reason, change) => {
  const error = refusalOf(file({ ...goodCluster, ...change }));
  expect(error.problems.map((one) => one.reason).join("; ")).toContain(reason);
});

test("everything that is wrong is said at once", () => {
  const cluster = { ...goodCluster, "insecure-skip-tls-verify": true, "proxy-url": "http://p" };
  const error = refusalOf(file(cluster, { exec: { command: "aws" }, tokenFile: "/t" }));
  expect(error.problems).toHaveLength(4);
});

test("a key that is not the certificate's is refused", () => {
  const user = {
    "client-certificate-data": base64(admin.certificatePem),
    "client-key-data": base64(stranger.keyPem),
  };
  expect(refusalOf(file(goodCluster, user)).message).toContain("not the key of");
});

test("several contexts need a choice, and the choice must exist", () => {
  const contexts = [
    { name: "east", context: { cluster: "c", user: "u" } },
    { name: "west", context: { cluster: "c", user: "u" } },
  ];
  const text = file(goodCluster, goodUser, { contexts });
  expect(refusalOf(text).message).toContain("several contexts: east, west");
  expect(parseStrictKubeconfig(text, { context: "west" }).context).toBe("west");
  expect(refusalOf(text, { context: "north" }).message).toContain("no context north");
});

test("names must lead to exactly one cluster and user", () => {
  const lost = [{ name: "east", context: { cluster: "c", user: "somebody" } }];
  expect(refusalOf(file(goodCluster, goodUser, { contexts: lost })).message).toContain(
    "a user that is not in the file",
  );
  const twice = [
    { name: "c", cluster: { ...goodCluster } },
    { name: "c", cluster: { ...goodCluster } },
  ];
  expect(refusalOf(file(goodCluster, goodUser, { clusters: twice })).message).toContain(
    "two clusters have the name c",
  );
});

test.each([
  ["nothing", ""],
  ["a list", "- a\n- b\n"],
  ["another kind", "apiVersion: v1\nkind: Secret\n"],
  ["broken YAML", "clusters: [\n"],
  ["a key given twice", `${file()}\nkind: Config\n`],
  ["an alias bomb", "a: &a [1,1]\nb: &b [*a,*a,*a]\nkind: Config\nclusters: *b\n"],
  ["a megabyte and more", `${file()}# ${"x".repeat(1_000_000)}\n`],
])("%s is no kubeconfig", (_what, text) => {
  expect(refusalOf(text).problems).toHaveLength(1);
});

test("no text makes it crash, and neither a refusal nor a warning repeats a secret", () => {
  const warn = vi.spyOn(process, "emitWarning");
  const canary = "canary-9f1c";
  const value = fc.oneof(
    fc.constant(canary),
    fc.constant(null),
    fc.integer(),
    fc.dictionary(fc.string(), fc.constant(canary), { maxKeys: 3 }),
  );
  const keys = fc.constantFrom(
    "server",
    "certificate-authority-data",
    "token",
    "exec",
    "client-key-data",
    "as",
    "other",
  );
  const fields = fc.dictionary(keys, value, { maxKeys: 5 });
  fc.assert(
    fc.property(fields, fields, fc.string(), (cluster, user, tail) => {
      for (const text of [file(cluster, user), `${file()}${tail}`, tail])
        try {
          parseStrictKubeconfig(text);
        } catch (error) {
          expect(error).toBeInstanceOf(KubeconfigRefused);
          expect(String(error)).not.toContain(canary);
        }
    }),
    { seed: 20261124, numRuns: 300 },
  );
  expect(warn).not.toHaveBeenCalled();
  warn.mockRestore();
});

test.each([
  ["https://a.example.com", "https://a.example.com"],
  ["https://a.example.com/", "https://a.example.com"],
  ["https://10.0.0.1:6443", "https://10.0.0.1:6443"],
  ["https://[fd00::1]:6443", "https://[fd00::1]:6443"],
  ["https://rancher.example.com/k8s/clusters/c-1/", "https://rancher.example.com/k8s/clusters/c-1"],
])("%s is an address", (text, server) => {
  expect(parseServerUrl(text)).toBe(server);
});

test.each([
  "http://a",
  "ftp://a",
  "a.example.com:6443",
  "https://user:pass@a",
  "https://a?x=1",
  "https://a#x",
  "https://a\\@b",
  "https://a\nb",
  "https:// a",
  "https://169.254.169.254",
  "https://0xa9fea9fe",
  "https://2852039166",
  "https://[fd00:ec2::254]",
  "https://[::ffff:169.254.169.254]",
  "https://metadata.google.internal.",
  "https://",
  "",
])("%j is refused as an address", (text) => {
  expect(parseServerUrl(text)).toMatchObject({ reason: expect.stringMatching(/^server /) });
});
