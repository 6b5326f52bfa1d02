// Why: tokens that expire, are replaced and are refused are where listeners break. Admin and queue
// tokens are JWTs with `exp`, since clients read it; what counts is the simulator's own record of
// each token.
import { createHmac } from "node:crypto";
import type { Clock } from "@runlet/runtime/clock";
import type { Random } from "@runlet/runtime/random";

export type TokenKind = "registration" | "installation" | "admin" | "queue" | "runner";

/** What a token is for: a scope, a session's id, or a runner's. */
export interface TokenRecord {
  kind: TokenKind;
  subject: string;
  /** Milliseconds of the wall clock. */
  expiresAt: number;
}

export interface Tokens {
  issue(kind: TokenKind, subject: string, lifeMs: number): { token: string; expiresAt: number };
  /** The subject of a token that is known, of this kind and not expired. */
  find(kind: TokenKind, token: string | undefined): string | undefined;
  /** From `afterMs` on the token is refused. */
  revoke(token: string, afterMs?: number): void;
  /** Every token of a kind is refused from now on. */
  expireAll(kind: TokenKind): void;
}

export function createTokens(deps: { clock: Clock; random: Random }): Tokens {
  const { clock, random } = deps;
  const records = new Map<string, TokenRecord>();
  const key = random.bytes(32);
  let issuedCount = 0;

  /** Tokens long expired are forgotten, so that a simulator left running does not grow. */
  function prune() {
    for (const [token, record] of records) {
      if (record.expiresAt < clock.wallMs()) records.delete(token);
    }
  }

  function write(kind: TokenKind, subject: string, expiresAt: number): string {
    if (kind === "registration") return hex(random, 20).toUpperCase();
    if (kind === "installation") return `ghs_${hex(random, 18)}`;
    if (kind === "runner") return hex(random, 32);
    return jwt(key, {
      iss: "actions-service-simulator",
      sub: subject,
      aud: kind,
      iat: Math.floor(clock.wallMs() / 1000),
      exp: Math.floor(expiresAt / 1000),
      jti: String(issuedCount),
    });
  }

  return {
    issue(kind, subject, lifeMs) {
      issuedCount += 1;
      if (issuedCount % 1000 === 0) prune();
      const expiresAt = clock.wallMs() + lifeMs;
      const token = write(kind, subject, expiresAt);
      records.set(token, { kind, subject, expiresAt });
      return { token, expiresAt };
    },
    find(kind, token) {
      const record = token === undefined ? undefined : records.get(token);
      if (record?.kind !== kind || clock.wallMs() >= record.expiresAt) return undefined;
      return record.subject;
    },
    revoke(token, afterMs = 0) {
      const record = records.get(token);
      if (!record) return;
      record.expiresAt = Math.min(record.expiresAt, clock.wallMs() + afterMs);
    },
    expireAll(kind) {
      for (const [token, record] of records) if (record.kind === kind) records.delete(token);
    },
  };
}

function hex(random: Random, bytesCount: number): string {
  return Buffer.from(random.bytes(bytesCount)).toString("hex");
}

function jwt(key: Uint8Array, claims: Record<string, unknown>): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const signed = `${part({ alg: "HS256", typ: "JWT" })}.${part(claims)}`;
  return `${signed}.${createHmac("sha256", key).update(signed).digest("base64url")}`;
}
