// Why: who asks is known by a bearer token: the administrator's, or one issued for a service account,
// which expires (Kubernetes docs, "Authenticating": service account tokens).
import { createHmac } from "node:crypto";
import type { Clock } from "@runlet/runtime/clock";
import type { Random } from "@runlet/runtime/random";
import { unauthorized } from "./status-error.ts";

export interface User {
  name: string;
  groups: string[];
  uid?: string;
}

export const anonymous: User = { name: "system:anonymous", groups: ["system:unauthenticated"] };

export interface ServiceAccountName {
  namespace: string;
  name: string;
}

export interface IssuedToken {
  token: string;
  /** Milliseconds since 1970. */
  expiresAt: number;
}

/** Who the bearer of a token is that the cluster has not issued itself; undefined: refused. */
export type TokenAuthenticator = (token: string) => User | undefined;

export interface Authentication {
  /** The user of an Authorization header; throws 401 for a token that is unknown or has expired. */
  userOf(authorization: string | undefined): User;
  /** A token of a service account, good for `ttlMs`. */
  issue(account: ServiceAccountName, ttlMs: number): IssuedToken;
  /** From now on every issued token but the administrator's is refused. */
  expireAll(): void;
  /** Tokens of this account are refused: it was deleted. */
  revoke(account: ServiceAccountName): void;
}

export const serviceAccountUser = (account: ServiceAccountName): User => ({
  name: `system:serviceaccount:${account.namespace}:${account.name}`,
  groups: [
    "system:serviceaccounts",
    `system:serviceaccounts:${account.namespace}`,
    "system:authenticated",
  ],
});

export function createAuthentication(
  deps: { clock: Clock; random: Random },
  adminToken: string,
  foreign: TokenAuthenticator = () => undefined,
): Authentication {
  const { clock, random } = deps;
  const issued = new Map<string, { user: User; expiresAt: number }>();
  const key = random.bytes(32);
  const admin: User = { name: "admin", groups: ["system:masters", "system:authenticated"] };

  /** A JWT in shape, since clients read `exp` out of it; it is looked up, not verified. */
  function sign(claims: Record<string, unknown>): string {
    const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const text = `${encode({ alg: "HS256", typ: "JWT" })}.${encode(claims)}`;
    return `${text}.${createHmac("sha256", key).update(text).digest("base64url")}`;
  }

  return {
    userOf(authorization) {
      if (authorization === undefined || authorization === "") return anonymous;
      const token = /^Bearer (.+)$/i.exec(authorization)?.[1];
      if (token === adminToken) return admin;
      const known = token === undefined ? undefined : issued.get(token);
      if (known && known.expiresAt > clock.wallMs()) return known.user;
      const user = known || token === undefined ? undefined : foreign(token);
      if (!user) throw unauthorized();
      return user;
    },
    issue(account, ttlMs) {
      const expiresAt = clock.wallMs() + ttlMs;
      const user = serviceAccountUser(account);
      const seconds = (ms: number) => Math.floor(ms / 1000);
      const token = sign({
        iss: "https://kubernetes.default.svc",
        sub: user.name,
        iat: seconds(clock.wallMs()),
        exp: seconds(expiresAt),
        jti: random.uuid(),
      });
      issued.set(token, { user, expiresAt });
      return { token, expiresAt };
    },
    expireAll: () => issued.clear(),
    revoke(account) {
      const gone = serviceAccountUser(account).name;
      for (const [token, { user }] of issued) if (user.name === gone) issued.delete(token);
    },
  };
}
