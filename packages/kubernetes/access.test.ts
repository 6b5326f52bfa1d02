// Why: whatever way leads to a cluster, verification stays on, the newest token is used, and nothing is
// read or run that the way does not need.
import { createTestCa } from "@runlet/runtime/http-fixture";
import type { HttpFetch, HttpFetchOptions } from "@runlet/runtime/http";
import { createVirtualClock } from "@runlet/runtime/virtual-clock";
import { afterAll, expect, test } from "vitest";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInClusterAccess, createStrictAccess } from "./access.ts";
import { openKubeconfigAccess } from "./kubeconfig-access.ts";
import { createUserAccess } from "./user-kubeconfig.ts";

const folder = mkdtempSync(join(tmpdir(), "runlet-access-"));
const ca = await createTestCa("cluster-ca");
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Remembers with what a fetch was made. */
function fetchMaker() {
  const made: HttpFetchOptions[] = [];
  const createFetch = (options: HttpFetchOptions): HttpFetch => {
    made.push(options);
    return Object.assign(async () => new Response(""), { close: () => {} });
  };
  return { made, createFetch };
}

function files(content: Record<string, string | Error>) {
  const reads: string[] = [];
  const readFile = async (path: string) => {
    reads.push(path);
    const found = content[path.split("/").at(-1) ?? ""];
    if (found === undefined || found instanceof Error) throw found ?? new Error(`no ${path}`);
    return found;
  };
  return { content, reads, readFile };
}

test("a pod's service account: its CA alone is trusted, its token read again as it rotates", async () => {
  const clock = createVirtualClock();
  const { made, createFetch } = fetchMaker();
  const mounted = files({ "ca.crt": "CA", token: "one\n" });
  const deps = { clock, createFetch, readFile: mounted.readFile };
  const access = await createInClusterAccess(deps, { host: "10.0.0.1", port: "443" });
  expect(access.server).toBe("https://10.0.0.1:443");
  expect(made).toMatchObject([{ onlyCa: ["CA"] }]);
  expect(await access.token?.()).toBe("one");
  mounted.content["token"] = "two";
  await clock.runFor(59_000);
  expect(await access.token?.()).toBe("one");
  await clock.runFor(2_000);
  const both = await Promise.all([access.token?.(), access.token?.()]);
  expect(both).toEqual(["two", "two"]);
  expect(mounted.reads).toHaveLength(3);
});

test("a token that cannot be read for a while goes on being used; a pod without one fails at once", async () => {
  const clock = createVirtualClock();
  const { createFetch } = fetchMaker();
  const mounted = files({ "ca.crt": "CA", token: "one" });
  const deps = { clock, createFetch, readFile: mounted.readFile };
  const access = await createInClusterAccess(deps, { host: "fd00::1", port: "443" });
  expect(access.server).toBe("https://[fd00::1]:443");
  for (const broken of [new Error("EIO"), ""]) {
    mounted.content["token"] = broken;
    await clock.runFor(61_000);
    expect(await access.token?.()).toBe("one");
  }
  mounted.content["token"] = "two";
  await clock.runFor(61_000);
  expect(await access.token?.()).toBe("two");
  mounted.content["token"] = new Error("ENOENT");
  const place = { host: "10.0.0.1", port: "443" };
  await expect(createInClusterAccess(deps, place)).rejects.toThrow("ENOENT");
});

test("a strict kubeconfig becomes a fetch with exactly its CA and certificate", () => {
  const { made, createFetch } = fetchMaker();
  const credential = { kind: "certificate", certificatePem: "C", keyPem: "K" } as const;
  const config = { context: "c", server: "https://a", caPem: "CA", serverName: "n", credential };
  const access = createStrictAccess({ clock: createVirtualClock(), createFetch }, config);
  expect(access.token).toBeUndefined();
  expect(made).toMatchObject([
    {
      onlyCa: ["CA"],
      serverName: "n",
      clientCertificate: { certificatePem: "C", keyPem: "K" },
    },
  ]);
});

function userFile(user: string, cluster = ""): string {
  const pem = Buffer.from(ca.certificatePem).toString("base64");
  return `apiVersion: v1
kind: Config
current-context: east
clusters:
- name: c
  cluster:
    server: https://cluster.example.com:6443/
    certificate-authority-data: ${pem}
${cluster}
users:
- name: u
  user:
${user}
contexts:
- name: east
  context: { cluster: c, user: u }
`;
}

async function userAccess(text: string, context?: string) {
  const { made, createFetch } = fetchMaker();
  const deps = { clock: createVirtualClock(), createFetch };
  const wanted = context === undefined ? {} : { context };
  const access = await createUserAccess(deps, { from: { text }, ...wanted });
  return { access, made };
}

test("a user's kubeconfig with a token works as with kubectl", async () => {
  const { access, made } = await userAccess(userFile("    token: abc"));
  expect(access.context).toBe("east");
  expect(access.server).toBe("https://cluster.example.com:6443");
  expect(await access.token?.()).toBe("abc");
  expect(made[0]?.onlyCa).toEqual([ca.certificatePem]);
});

test("an exec plug-in is run, and what it prints is the token", async () => {
  const plugin = join(folder, "plugin.sh");
  const answer = JSON.stringify({
    apiVersion: "client.authentication.k8s.io/v1",
    kind: "ExecCredential",
    status: { token: "from-the-plugin" },
  });
  writeFileSync(plugin, `#!/bin/sh\necho '${answer}'\n`, { mode: 0o755 });
  const exec = `    exec:
      apiVersion: client.authentication.k8s.io/v1
      command: ${plugin}
      interactiveMode: Never`;
  const { access } = await userAccess(userFile(exec));
  expect(await access.token?.()).toBe("from-the-plugin");
});

test("files named in a kubeconfig are found from its folder", async () => {
  writeFileSync(join(folder, "ca.crt"), ca.certificatePem);
  const text = userFile("    token: abc").replace(
    /certificate-authority-data: .*/,
    "certificate-authority: ca.crt",
  );
  writeFileSync(join(folder, "config"), text);
  const { made, createFetch } = fetchMaker();
  const deps = { clock: createVirtualClock(), createFetch };
  await createUserAccess(deps, { from: { file: join(folder, "config") } });
  expect(made[0]?.onlyCa).toEqual([ca.certificatePem]);
});

test("a proxy and a TLS name are passed on", async () => {
  const more = "    proxy-url: http://proxy:3128\n    tls-server-name: inner";
  const { made } = await userAccess(userFile("    token: abc", more));
  expect(made).toMatchObject([{ proxy: { https: "http://proxy:3128" }, serverName: "inner" }]);
});

test.each([
  ["insecure-skip-tls-verify", userFile("    token: a", "    insecure-skip-tls-verify: true")],
  ["not https", userFile("    token: a").replace("https://", "http://")],
  ["user names", userFile("    username: a\n    password: hunter2")],
  ["no http proxy", userFile("    token: a", "    proxy-url: socks5://p:1080")],
  ["no credential", userFile("    tokenFile: /var/run/token")],
  ["no kubeconfig", "clusters: {{{"],
])("verification is never off, and what we do not do is said: %s", async (reason, text) => {
  const failed = userAccess(text);
  await expect(failed).rejects.toThrow(reason);
  await expect(failed).rejects.not.toThrow("hunter2");
});

test("a context that is not there is named, with those that are", async () => {
  await expect(userAccess(userFile("    token: a"), "west")).rejects.toThrow(
    "no context west; there are east",
  );
});

test("a file is taken strictly where that is enough, and as kubectl takes it otherwise", async () => {
  const { made, createFetch } = fetchMaker();
  const deps = { clock: createVirtualClock(), createFetch };
  const plain = join(folder, "plain");
  writeFileSync(plain, userFile("    token: plain"));
  const strict = await openKubeconfigAccess(deps, { file: plain, context: "east" });
  expect(await strict.token?.()).toBe("plain");
  const lax = join(folder, "lax");
  writeFileSync(join(folder, "its-ca.crt"), ca.certificatePem);
  const withFile = userFile("    token: lax").replace(
    /certificate-authority-data: .*/,
    "certificate-authority: its-ca.crt",
  );
  writeFileSync(lax, withFile);
  const user = await openKubeconfigAccess(deps, { file: lax });
  expect(await user.token?.()).toBe("lax");
  expect(made.map((one) => one.onlyCa)).toEqual([[ca.certificatePem], [ca.certificatePem]]);
  const off = join(folder, "off");
  writeFileSync(off, userFile("    token: a", "    insecure-skip-tls-verify: true"));
  await expect(openKubeconfigAccess(deps, { file: off })).rejects.toThrow("turns verification off");
  await expect(openKubeconfigAccess(deps, { file: join(folder, "none") })).rejects.toThrow(
    "ENOENT",
  );
});
