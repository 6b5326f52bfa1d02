// Why: only GitHub knows the secret, so only bodies signed with it are heard. Two secrets are accepted, so
// that one can be changed without losing an event.
import { Webhooks } from "@octokit/webhooks";

/**
 * The text of `body` when `signature` (`sha256=…`) is right for it under any of `secrets`, else undefined; constant
 * time for each secret.
 */
export async function verifySignature(
  secrets: string[],
  body: Uint8Array,
  signature: string,
): Promise<string | undefined> {
  if (!/^sha256=[0-9a-f]{64}$/.test(signature)) return undefined;
  const text = decode(body);
  if (!text) return undefined;
  const checks = secrets
    .filter((secret) => secret !== "")
    .slice(0, 2)
    .map((secret) => new Webhooks({ secret }).verify(text, signature));
  // Every secret is tried, so that the time taken does not tell which one was right.
  return (await Promise.all(checks)).includes(true) ? text : undefined;
}

/** The signature is over bytes: text that stands for other bytes too (a replaced one, a BOM) is none. */
function decode(body: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body);
  } catch {
    return undefined;
  }
}
