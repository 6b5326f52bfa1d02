// Why: kubectl and our own client verify the server, so the simulator has a CA of its own, made once and kept
// with the state of this machine. No program of the machine is needed for it.
import { X509Certificate } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { generate, type GenerateResult } from "selfsigned";

export interface ServerCertificate {
  caPem: string;
  certificatePem: string;
  keyPem: string;
}

/** A kept certificate is used while it is good for another day. */
const reserveMs = 24 * 3_600_000;

/** The certificate for loopback out of `folder`, made if it is missing or about to end. */
export async function getServerCertificate(
  folder: string,
  nowMs: number,
): Promise<ServerCertificate> {
  const read = (file: string) => readFileSync(join(folder, file), "utf8");
  if (!isGood(join(folder, "server.crt"), nowMs)) await make(folder);
  return {
    caPem: read("ca.crt"),
    certificatePem: read("server.crt"),
    keyPem: read("server.key"),
  };
}

function isGood(file: string, nowMs: number): boolean {
  if (!existsSync(file)) return false;
  const { validToDate } = new X509Certificate(readFileSync(file));
  return validToDate.getTime() - reserveMs > nowMs;
}

async function make(folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const ca = await makeCa();
  const leaf = await makeLeaf(ca);
  const write = (file: string, text: string) =>
    writeFileSync(join(folder, file), text, { mode: 0o600 });
  write("ca.crt", ca.cert);
  write("server.key", leaf.private);
  // Last: its presence says that the others are there.
  write("server.crt", leaf.cert);
}

const ec = { keyType: "ec", algorithm: "sha256" } as const;
const named = (value: string) => [{ name: "commonName", value }];

function makeCa(): Promise<GenerateResult> {
  return generate(named("runlet-simulator-ca"), {
    ...ec,
    extensions: [
      { name: "basicConstraints", cA: true, critical: true },
      { name: "keyUsage", keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
}

function makeLeaf(ca: GenerateResult): Promise<GenerateResult> {
  return generate(named("kube-apiserver"), {
    ...ec,
    ca: { key: ca.private, cert: ca.cert },
    extensions: [
      { name: "basicConstraints", cA: false, critical: true },
      { name: "extKeyUsage", serverAuth: true },
      {
        name: "subjectAltName",
        altNames: [
          { type: 7, ip: "127.0.0.1" },
          { type: 7, ip: "::1" },
          { type: 2, value: "localhost" },
          { type: 2, value: "kubernetes.default.svc" },
        ],
      },
    ],
  });
}
