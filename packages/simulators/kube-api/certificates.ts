// Why: kubectl and our own client verify the server, so the simulator has a CA of its own, made once by the
// openssl command and kept with the state of this machine.
import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface ServerCertificate {
  caPem: string;
  certificatePem: string;
  keyPem: string;
}

const ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
const daysGood = 365;
/** A kept certificate is used while it is good for another day. */
const reserveMs = 24 * 3_600_000;
const names = "subjectAltName=IP:127.0.0.1,IP:::1,DNS:localhost,DNS:kubernetes.default.svc";

/** The certificate for loopback out of `folder`, made if it is missing or about to end. */
export function getServerCertificate(folder: string, nowMs: number): ServerCertificate {
  const read = (file: string) => readFileSync(join(folder, file), "utf8");
  if (!isGood(join(folder, "server.crt"), nowMs)) make(folder);
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

function make(folder: string) {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const openssl = (...args: string[]) => {
    try {
      execFileSync("openssl", args, { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new Error(`a certificate needs the openssl command: ${why}`, { cause: error });
    }
  };
  const days = ["-days", String(daysGood)];
  const ca = ["-subj", "/CN=runlet-simulator-ca", "-keyout", "ca.key", "-out", "ca.crt"];
  openssl("req", "-x509", ...ec, ...days, ...ca);
  const subject = ["-subj", "/CN=kube-apiserver", "-addext", names];
  const by = ["-CA", "ca.crt", "-CAkey", "ca.key"];
  const leaf = ["-keyout", "server.key", "-out", "server.crt"];
  const usage = ["-addext", "basicConstraints=critical,CA:FALSE"];
  openssl("req", "-x509", ...ec, ...days, ...subject, ...usage, ...by, ...leaf);
}
