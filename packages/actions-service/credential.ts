// Why: every GitHub call begins with a token: the PAT itself, or an App installation's, which
// @octokit/auth-app fetches. Clock, cache and transport are replaced by ours: its own clock cannot be
// told the time, its own cache trusts that clock, and its transport has no limits.
import { createHash, createPrivateKey, type KeyObject, sign } from "node:crypto";
import { createAppAuth, type StrategyOptions } from "@octokit/auth-app";
import * as z from "zod";
import { type CallDeps, runCall } from "./call.ts";
import { createFailure } from "./errors.ts";
import type { Failure, GitHubCredential, Outcome } from "./service.ts";
import { read, Unreadable } from "./wire.ts";

export interface TokenDeps extends CallDeps {
  apiBase: string;
  userAgent: string;
}

export interface GitHubTokens {
  /**
   * A token for GitHub's REST API. `fresh`: not from the cache, since the last one was refused.
   * Rejects only with the signal's reason.
   */
  get(
    credential: GitHubCredential,
    options: { signal?: AbortSignal; fresh?: boolean },
  ): Promise<Outcome<GitHubToken>>;
}

export interface GitHubToken {
  token: string;
  /** An installation token of an earlier call: it may have been revoked since. */
  cached: boolean;
}

type AppCredential = Extract<GitHubCredential, { kind: "app" }>;
type AppAuth = ReturnType<typeof createAppAuth>;

/** A cached installation token is not used in its last minute. */
const marginMs = 60_000;

export function createGitHubTokens(deps: TokenDeps): GitHubTokens {
  let app: { key: string; auth: AppAuth } | undefined;
  return {
    async get(credential, { signal, fresh = false }) {
      if (credential.kind === "pat") {
        const { token } = credential;
        if (/^[\x21-\x7e]+$/.test(token)) return { ok: true, value: { token, cached: false } };
        return refuse("the personal access token is empty or has characters that no token has");
      }
      try {
        const key = describeApp(credential);
        if (app?.key !== key) app = { key, auth: createAuth(deps, credential) };
        return { ok: true, value: await getInstallationToken(app.auth, fresh, signal) };
      } catch (error) {
        signal?.throwIfAborted();
        if (error instanceof ExchangeFailed) return { ok: false, failure: error.failure };
        if (error instanceof BadKey) return refuse(error.message);
        throw error;
      }
    },
  };
}

function refuse(came: string): { ok: false; failure: Failure } {
  const attempted = "use of the GitHub credential";
  return { ok: false, failure: createFailure({ reason: "unauthorized", attempted, came }) };
}

/** Carries a failure of our request through auth-app, which knows exceptions only. */
class ExchangeFailed extends Error {
  readonly failure: Failure;
  constructor(failure: Failure) {
    super(failure.message);
    this.failure = failure;
  }
}

class BadKey extends Error {}

function describeApp(app: AppCredential): string {
  const key = createHash("sha256").update(app.privateKey).digest("hex");
  return `${app.appId}/${app.installationId}/${key}`;
}

/** Our calls under way, by the marker that leads from each through auth-app to its request. */
const calls = new Map<string, { signal: AbortSignal | undefined; sent: boolean }>();
let callsCount = 0;

async function getInstallationToken(
  auth: AppAuth,
  refresh: boolean,
  signal: AbortSignal | undefined,
): Promise<GitHubToken> {
  // auth-app joins concurrent calls for one installation number in a map of the whole process: two GitHub
  // servers that both have an installation 1 would share a token, and a call that never ends would
  // hold up all later ones. A marker of its own for each call keeps them apart; it never leaves here.
  const marker = `runlet-call-${++callsCount}`;
  const call = { signal, sent: false };
  calls.set(marker, call);
  try {
    const { token } = await auth({ type: "installation", refresh, repositoryNames: [marker] });
    return { token, cached: !call.sent };
  } finally {
    calls.delete(marker);
  }
}

function createAuth(deps: TokenDeps, app: AppCredential): AppAuth {
  if (!/^[\w.-]+$/.test(app.appId)) throw new BadKey("the App's id is no id");
  if (!Number.isSafeInteger(app.installationId) || app.installationId <= 0) {
    throw new BadKey("the App's installation id is no positive number");
  }
  const key = readPrivateKey(app.privateKey);
  const createJwt = (id: string | number) => {
    const of = { nowMs: deps.serverTime.nowMs(), jti: deps.random.uuid() };
    return Promise.resolve(signAppJwt(String(id), key, of));
  };
  return createAppAuth({
    appId: app.appId,
    installationId: app.installationId,
    createJwt,
    cache: createTokenCache(deps),
    // auth-app uses the call signature of a request and nothing else of it.
    request: createTokenRequest(deps) as unknown as NonNullable<StrategyOptions["request"]>,
    log: { warn: (message) => deps.log.warn("app_auth_warned", { message }) },
  });
}

function readPrivateKey(pem: string): KeyObject {
  try {
    // Keys often come through environment variables and JSON with their line breaks escaped.
    const key = createPrivateKey(pem.replaceAll("\\n", "\n"));
    if (key.asymmetricKeyType === "rsa") return key;
  } catch {
    // The error quotes nothing useful, and might quote the key.
  }
  throw new BadKey("the App's private key is no RSA key in PEM");
}

/**
 * RS256 over iss, iat, exp; a minute in the past, as GitHub advises, and at most ten minutes long. `jti` is another one
 * each time: of two JWTs that are alike, made in one second, GitHub has refused the second now and then
 * (github-aws-runners/terraform-aws-github-runner #5025).
 */
export function signAppJwt(
  appId: string,
  key: KeyObject,
  { nowMs, jti }: { nowMs: number; jti: string },
): { jwt: string; expiresAt: string } {
  const iat = Math.floor(nowMs / 1000) - 60;
  const exp = iat + 9 * 60;
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const signed = `${part({ alg: "RS256", typ: "JWT" })}.${part({ iat, exp, iss: appId, jti })}`;
  const signature = sign("RSA-SHA256", Buffer.from(signed), key).toString("base64url");
  return { jwt: `${signed}.${signature}`, expiresAt: new Date(exp * 1000).toISOString() };
}

/** One installation, one token: whatever key auth-app makes up. Its third field is the expiry. */
function createTokenCache(deps: TokenDeps) {
  let value = "";
  return {
    get: () => {
      const expiresAt = Date.parse(value.split("|")[2] ?? "");
      return expiresAt - marginMs > deps.serverTime.nowMs() ? value : "";
    },
    set: (_key: string, next: string) => {
      value = next;
    },
  };
}

const tokenAnswer = z.object({
  token: z.string().min(1),
  expires_at: z.string().catch(""),
  permissions: z.record(z.string(), z.string()).catch({}),
  repository_selection: z.string().catch("all"),
});

interface TokenRequest {
  installation_id: number;
  headers: { authorization: string };
  repositories?: string[];
}

/** auth-app's one request, `POST /app/installations/ID/access_tokens`, over our fetch and rules. */
function createTokenRequest(deps: TokenDeps) {
  return async (_route: string, wanted: TokenRequest) => {
    const jwt = wanted.headers.authorization.replace(/^bearer /i, "");
    const call = calls.get(wanted.repositories?.[0] ?? "");
    if (call) call.sent = true;
    const outcome = await runCall(
      deps,
      {
        call: "installationToken",
        on: `App installation ${wanted.installation_id}`,
        accepts: 201,
        words: {},
        decode: (json) => {
          const data = read(tokenAnswer, json);
          // auth-app keeps tokens in one "|"-separated text.
          if (data.token.includes("|")) throw new Unreadable("token: has a | in it");
          return data;
        },
        prepare: () =>
          Promise.resolve({
            ok: true,
            value: {
              method: "POST",
              url: `${deps.apiBase}/app/installations/${wanted.installation_id}/access_tokens`,
              headers: {
                Authorization: `Bearer ${jwt}`,
                "Content-Type": "application/vnd.github+json",
                "User-Agent": deps.userAgent,
              },
              body: "",
              secrets: [jwt],
            },
          }),
      },
      call?.signal ? { signal: call.signal } : {},
    );
    if (!outcome.ok) throw new ExchangeFailed(outcome.failure);
    return { data: outcome.value };
  };
}
