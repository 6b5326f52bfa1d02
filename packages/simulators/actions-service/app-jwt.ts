// Why: a GitHub App proves itself by a JWT that it signs with its private key; GitHub refuses one
// that is not signed, too long-lived, or from a clock that is off (docs.github.com, "Generating a
// JSON Web Token for a GitHub App").
import { createPublicKey, verify } from "node:crypto";
import { asFields } from "./json.ts";

/** Longest life of such a token, and how far its clock may be off, in seconds. */
const lifeSeconds = 600;
const skewSeconds = 60;

/** Why the JWT is refused, or nothing. */
export function verifyAppJwt(
  app: { ids: string[]; publicKey: string },
  token: string | undefined,
  wallMs: number,
): string | undefined {
  const [header, claims, signature] = token?.split(".") ?? [];
  if (!header || !claims || !signature) return "a JSON web token is required";
  if (parsePart(header)["alg"] !== "RS256") return "the token must be signed with RS256";
  const signed = Buffer.from(`${header}.${claims}`);
  const good = verify(
    "RSA-SHA256",
    signed,
    createPublicKey(app.publicKey),
    Buffer.from(signature, "base64url"),
  );
  if (!good) return "the signature is not the App's";
  const { iss, iat, exp } = parsePart(claims);
  const now = wallMs / 1000;
  if (!app.ids.includes(String(iss))) return "the issuer is not an App";
  if (typeof exp !== "number" || exp <= now) return "the token has expired";
  if (typeof iat !== "number" || iat > now + skewSeconds) return "iat is in the future";
  if (exp > now + lifeSeconds || exp - iat > lifeSeconds) return "exp is too far in the future";
  return undefined;
}

function parsePart(part: string): Record<string, unknown> {
  try {
    return asFields(JSON.parse(Buffer.from(part, "base64url").toString("utf8")));
  } catch {
    return {};
  }
}
