// Why: what the parts of one control plane need to know of it: its folder, ports, tokens and certificates,
// and the files in which its components find them.
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { HttpFetch } from "@runlet/runtime/http";
import { createTestCa } from "@runlet/runtime/http-fixture";
import type { ControlPlaneBinaries } from "./binaries.ts";

export interface Bed {
  dir: string;
  binaries: ControlPlaneBinaries;
  server: string;
  apiPort: number;
  etcdPorts: [number, number];
  caPem: string;
  /** By user. */
  tokens: Record<string, string>;
  fetch: HttpFetch;
  /** Of the API server, beside the usual ones. */
  flags: string[];
  etcdFlags: string[];
}

/** token,user,uid,"groups" a line; read once at start. */
export function writeTokens(dir: string, users: Record<string, string[]>): Record<string, string> {
  const tokens: Record<string, string> = {};
  const lines = Object.entries(users).map(([user, groups]) => {
    const token = randomBytes(16).toString("hex");
    tokens[user] = token;
    return `${token},${user},${user},"${groups.join(",")}"`;
  });
  writeFileSync(join(dir, "tokens.csv"), `${lines.join("\n")}\n`, { mode: 0o600 });
  return tokens;
}

export async function writeCertificates(dir: string): Promise<string> {
  const ca = await createTestCa("runlet cluster bed");
  const leaf = await ca.issue(
    "kube-apiserver",
    "IP:127.0.0.1,DNS:localhost,DNS:kubernetes.default",
  );
  const accounts = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  mkdirSync(join(dir, "etcd"), { mode: 0o700 });
  const write = (name: string, text: string) =>
    writeFileSync(join(dir, name), text, { mode: 0o600 });
  write("ca.crt", ca.certificatePem);
  write("server.crt", leaf.certificatePem);
  write("server.key", leaf.keyPem);
  write("accounts.key", accounts.privateKey);
  write("accounts.pub", accounts.publicKey);
  return ca.certificatePem;
}

export function writeKubeconfig(bed: Bed, user: string): string {
  const path = join(bed.dir, `kubeconfig-${user.replaceAll(":", "-")}.yaml`);
  const ca = Buffer.from(bed.caPem).toString("base64");
  const cluster = { server: bed.server, "certificate-authority-data": ca };
  const config = {
    apiVersion: "v1",
    kind: "Config",
    "current-context": "bed",
    clusters: [{ name: "bed", cluster }],
    users: [{ name: user, user: { token: bed.tokens[user] } }],
    contexts: [{ name: "bed", context: { cluster: "bed", user, namespace: "default" } }],
  };
  // JSON is YAML.
  writeFileSync(path, JSON.stringify(config, null, 2), { mode: 0o600 });
  return path;
}
