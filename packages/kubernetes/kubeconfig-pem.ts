// Why: certificates and keys in a kubeconfig are looked at when it is stored, not at the first call weeks
// later, when nobody remembers the file.
import { createPrivateKey, X509Certificate } from "node:crypto";
import { findCertificates } from "@runlet/runtime/find-certificates";
import { flatten, type KubeconfigProblem } from "./kubeconfig-problems.ts";

/** The PEM text in a kubeconfig's base64 field; says what is wrong otherwise. */
export function decodePem(
  base64: string | undefined,
  field: string,
  problems: KubeconfigProblem[],
): string | undefined {
  const text = base64 === undefined ? "" : Buffer.from(base64, "base64").toString("utf8");
  if (text.includes("-----BEGIN ")) return text;
  const reason = base64 === undefined ? `${field} is missing` : `${field} is no base64 of PEM`;
  problems.push({ reason, remedy: flatten });
  return undefined;
}

/** The certificates of a PEM bundle; an unreadable one spoils it. */
export function checkCertificates(
  pem: string,
  field: string,
  problems: KubeconfigProblem[],
): X509Certificate[] {
  const blocks = findCertificates(pem);
  try {
    if (blocks.length > 0) return blocks.map((block) => new X509Certificate(block));
  } catch {
    // Said below.
  }
  problems.push({ reason: `${field} holds no certificate that can be read`, remedy: flatten });
  return [];
}

export function isKeyOf(certificate: X509Certificate, keyPem: string): boolean {
  try {
    return certificate.checkPrivateKey(createPrivateKey(keyPem));
  } catch {
    return false;
  }
}
