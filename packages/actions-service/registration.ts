// Why: an admin connection costs two or three calls: token of the owner, registration token, runner
// registration (actions/scaleset client.go). This is that exchange, once, without memory.
import { type CallDeps, runCall } from "./call.ts";
import { type ConfigUrl, isSecure } from "./config-url.ts";
import type { GitHubTokens } from "./credential.ts";
import { createFailure } from "./errors.ts";
import { parseJson } from "./json.ts";
import { registrationTokenUrl } from "./request.ts";
import { checkServerAddress } from "./server-address.ts";
import type { AdminConnection, GitHubCredential, Outcome } from "./service.ts";
import { connection, read, restToken, Unreadable } from "./wire.ts";

export interface RegistrationDeps extends CallDeps {
  config: ConfigUrl;
  credential: (options?: { fresh: boolean }) => Promise<GitHubCredential>;
  tokens: GitHubTokens;
  userAgent: string;
}

/** Credential → registration token → service address and admin token. */
export async function register(
  deps: RegistrationDeps,
  signal: AbortSignal,
): Promise<Outcome<AdminConnection>> {
  const credential = await findCredential(deps, { fresh: false });
  if (!credential.ok) return credential;
  let token = await tryCredential(deps, credential.value, signal);
  if (isRefused(token)) {
    // It may have been rotated since it was read; the same one would only be refused again.
    const fresh = await findCredential(deps, { fresh: true });
    const isAnother = fresh.ok && JSON.stringify(fresh.value) !== JSON.stringify(credential.value);
    if (isAnother) token = await tryCredential(deps, fresh.value, signal);
  }
  return token.ok ? exchangeToken(deps, token.value, signal) : token;
}

/** A cached installation token may have been revoked, and a JWT signed by a wrong clock; then it is tried twice. */
async function tryCredential(
  deps: RegistrationDeps,
  credential: GitHubCredential,
  signal: AbortSignal,
): Promise<TokenOutcome> {
  const skewMs = deps.serverTime.nowMs() - deps.clock.wallMs();
  const first = await getRegistrationToken(deps, credential, false, signal);
  // The refusal's Date has set the clock right. With nothing changed, asking again would only be refused again.
  const skewMoved = skewMs !== deps.serverTime.nowMs() - deps.clock.wallMs();
  const again = isRefused(first) && credential.kind === "app" && (first.cached || skewMoved);
  return again ? getRegistrationToken(deps, credential, true, signal) : first;
}

function isRefused(outcome: TokenOutcome): boolean {
  return !outcome.ok && outcome.failure.reason === "unauthorized";
}

async function findCredential(
  deps: RegistrationDeps,
  options: { fresh: boolean },
): Promise<Outcome<GitHubCredential>> {
  try {
    return { ok: true, value: await deps.credential(options) };
  } catch (error) {
    const attempted = `look for the credential of ${deps.config.url}`;
    const came = error instanceof Error ? error.message : String(error);
    return { ok: false, failure: createFailure({ reason: "unauthorized", attempted, came }) };
  }
}

type TokenOutcome = Outcome<string> & { cached: boolean };

async function getRegistrationToken(
  deps: RegistrationDeps,
  credential: GitHubCredential,
  fresh: boolean,
  signal: AbortSignal,
): Promise<TokenOutcome> {
  const owner = await deps.tokens.get(credential, { signal, fresh });
  if (!owner.ok) return { ...owner, cached: false };
  const outcome = await runCall(
    deps,
    {
      call: "registrationToken",
      on: deps.config.url,
      accepts: 201,
      words: {},
      decode: (json) => read(restToken, json).token,
      prepare: () =>
        Promise.resolve({
          ok: true,
          value: {
            method: "POST",
            url: registrationTokenUrl(deps.config.apiBase, deps.config.scope),
            headers: {
              Authorization: `Bearer ${owner.value.token}`,
              "Content-Type": "application/vnd.github.v3+json",
              "User-Agent": deps.userAgent,
            },
            body: "",
            secrets: [owner.value.token],
          },
        }),
    },
    { signal },
  );
  return { ...outcome, cached: owner.value.cached };
}

function exchangeToken(
  deps: RegistrationDeps,
  token: string,
  signal: AbortSignal,
): Promise<Outcome<AdminConnection>> {
  return runCall(
    deps,
    {
      call: "runnerRegistration",
      on: deps.config.url,
      accepts: "2xx",
      words: {},
      decode: (json) => readConnection(json, deps.config),
      prepare: () =>
        Promise.resolve({
          ok: true,
          value: {
            method: "POST",
            url: `${deps.config.apiBase}/actions/runner-registration`,
            headers: {
              Authorization: `RemoteAuth ${token}`,
              "Content-Type": "application/json",
              "User-Agent": deps.userAgent,
            },
            body: JSON.stringify({ url: deps.config.url, runner_event: "register" }),
            secrets: [token],
          },
        }),
    },
    { signal },
  );
}

function readConnection(json: unknown, config: ConfigUrl): AdminConnection {
  const { url, token } = read(connection, json);
  checkServerAddress("url", url, isSecure(config));
  const expiresAt = readJwtExpiry(token);
  if (expiresAt === undefined) throw new Unreadable("token: is no JWT with an expiry");
  return { serviceUrl: url, adminToken: token, expiresAt };
}

/** `exp` of a JWT in ms since 1970. The signature is the service's own business. */
export function readJwtExpiry(token: string): number | undefined {
  const [, payload, signature] = token.split(".");
  if (payload === undefined || signature === undefined) return undefined;
  try {
    const claims = parseJson(Buffer.from(payload, "base64url").toString("utf8"));
    if (typeof claims !== "object" || claims === null || !("exp" in claims)) return undefined;
    const { exp } = claims;
    return typeof exp === "number" && Number.isFinite(exp) ? exp * 1000 : undefined;
  } catch {
    return undefined;
  }
}
