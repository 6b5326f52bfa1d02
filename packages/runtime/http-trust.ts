// Why: a GitHub Enterprise Server and a cluster have CAs of their own. The first is trusted beside the
// public roots, the second instead of them: a public CA must not be able to speak for a cluster.
import { X509Certificate } from "node:crypto";
import { createSecureContext, getCACertificates, type SecureContext } from "node:tls";
import { findCertificates } from "./find-certificates.ts";

/** Whom a connection trusts and as whom it comes. */
export interface TrustOptions {
  /** PEM bundles trusted beside the roots of Node (and NODE_EXTRA_CA_CERTS). */
  extraCa?: string[];
  /** PEM bundles trusted instead of any root. */
  onlyCa?: string[];
  clientCertificate?: { certificatePem: string; keyPem: string };
}

/** One context for all connections (parsing 140 roots takes milliseconds); undefined: Node's default. */
export function createTrust(options: TrustOptions): SecureContext | undefined {
  const { extraCa, onlyCa, clientCertificate } = options;
  if (!extraCa && !onlyCa && !clientCertificate) return undefined;
  // OpenSSL skips what it cannot read, and an empty bundle would trust nobody or everybody's roots.
  for (const bundle of [...(extraCa ?? []), ...(onlyCa ?? [])]) checkBundle(bundle);
  const ca = onlyCa ?? [...getCACertificates("default"), ...(extraCa ?? [])];
  return createSecureContext({
    ca,
    minVersion: "TLSv1.2",
    ...(clientCertificate && {
      cert: clientCertificate.certificatePem,
      key: clientCertificate.keyPem,
    }),
  });
}

function checkBundle(bundle: string): void {
  const found = findCertificates(bundle);
  if (found.length === 0) throw new Error("a CA bundle holds no PEM certificate");
  for (const [index, pem] of found.entries()) {
    try {
      new X509Certificate(pem);
    } catch (error) {
      throw new Error(`certificate ${index + 1} of a CA bundle cannot be read`, { cause: error });
    }
  }
}
