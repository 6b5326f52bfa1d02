// Why: a credential that is missing, revoked or about to end stops every scale set of its scope, and nobody notices
// before jobs wait. So each is tried now and then, at a price of one call that its limit does not count.
import type { ScaleSetRow } from "@runlet/coordination/registry";
import { describeError, type Log, type LogFields } from "@runlet/runtime/log";
import type { MetricSink } from "@runlet/runtime/metrics";
import * as z from "zod";
import { callRest, type RestAccess, type RestAnswer, type RestDeps } from "./rest.ts";

export interface CredentialDeps extends RestDeps {
  log: Log;
  metrics: MetricSink;
  /**
   * Undefined: no credential is registered for the scope. Rejects when what is there is none. `fresh`: the last one was
   * not good.
   */
  findAccess: (configUrl: string, options?: { fresh?: boolean }) => Promise<RestAccess | undefined>;
}

/** A scope whose credential was good is asked about again after this … */
const againMs = 10 * 60_000;
/** … and so many scopes at most a sweep, those longest unasked first. */
const scopesMax = 20;

const dayMs = 24 * 60 * 60_000;
/** As the alarm on credential-days-left. */
const soonDays = 14;

/** What the checks so far have shown, in a container that stays warm. */
export type CheckedScopes = Map<string, { at: number; good: boolean; why?: Refusal }>;

/** Tries the credential of each scope of `rows`; the result is in the log and the metrics. Never rejects. */
export async function checkCredentials(
  deps: CredentialDeps,
  rows: readonly ScaleSetRow[],
  checked: CheckedScopes,
): Promise<void> {
  const now = deps.clock.nowMs();
  const scopes = new Map(rows.map(({ scopeKey, configUrl }) => [scopeKey, configUrl]));
  const lastAt = (scope: string) => checked.get(scope)?.at ?? -Infinity;
  const due = [...scopes.keys()]
    .filter((scope) => !checked.get(scope)?.good || now - lastAt(scope) >= againMs)
    .toSorted((a, b) => lastAt(a) - lastAt(b))
    .slice(0, scopesMax);
  for (const scope of checked.keys()) if (!scopes.has(scope)) checked.delete(scope);
  await Promise.all(
    due.map(async (scope) => {
      const fresh = checked.get(scope)?.good === false;
      const verdict = await check(deps, { scope, configUrl: scopes.get(scope) ?? "", fresh });
      const why = verdict === "good" || verdict === "unknown" ? {} : { why: verdict };
      checked.set(scope, { at: now, good: verdict === "good", ...why });
    }),
  );
}

export type Refusal = keyof typeof credentialRemedies;

/** All but a good one is asked about again by the next sweep. */
async function check(
  deps: CredentialDeps,
  { scope, configUrl, fresh }: { scope: string; configUrl: string; fresh: boolean },
): Promise<"good" | "unknown" | Refusal> {
  let access: RestAccess | undefined;
  try {
    access = await deps.findAccess(configUrl, { fresh });
  } catch (error) {
    return refuse(deps, scope, "unreadable", { error: describeError(error) });
  }
  if (!access) return refuse(deps, scope, "missing");
  try {
    return judge(deps, scope, access, await callRest(deps, access, "GET", access.proofUrl));
  } catch (error) {
    // GitHub's silence says nothing about the credential.
    deps.log.warn("credential_not_checked", { scope, error: describeError(error) });
    return "unknown";
  }
}

/** What is said of the installation that an App has proved to be its own. */
const installation = z.object({ suspended_at: z.string().nullish() });

/** What the answer to a credential's proof (RestAccess.proofUrl) says against it; undefined: nothing. */
export function refusalOf(
  { kind }: Pick<RestAccess, "kind">,
  { status, text, limit }: Pick<RestAnswer, "status" | "text" | "limit">,
): "rejected" | "uninstalled" | "suspended" | undefined {
  const isLimit = status === 429 || (status === 403 && limit?.left === 0);
  if (status === 401 || (status === 403 && !isLimit)) return "rejected";
  if (kind !== "app") return undefined;
  if (status === 404) return "uninstalled";
  const isSuspended = status === 200 && installation.parse(JSON.parse(text)).suspended_at;
  return isSuspended ? "suspended" : undefined;
}

function judge(
  deps: CredentialDeps,
  scope: string,
  access: RestAccess,
  answer: RestAnswer,
): "good" | "unknown" | Refusal {
  const { status, headers } = answer;
  const why = refusalOf(access, answer);
  if (why) return refuse(deps, scope, why, { status });
  noteEnd(deps, scope, headers);
  // A server without rate limits answers 404 to the question for them, but only to whom it knows.
  return status === 200 || status === 404 ? "good" : "unknown";
}

/** docs.github.com, "Token expiration and revocation": `2026-12-01 00:00:00 UTC` in every answer of a token that ends. */
function noteEnd({ clock, log, metrics }: CredentialDeps, scope: string, headers: Headers): void {
  const endsAt = Date.parse(headers.get("github-authentication-token-expiration") ?? "");
  if (!Number.isFinite(endsAt)) return;
  const daysLeft = Math.max(0, (endsAt - clock.wallMs()) / dayMs);
  metrics.observe("credential-days-left", daysLeft);
  if (daysLeft < soonDays) log.warn("credential_ends_soon", { scope, endsAt, daysLeft });
}

/** What to do about each kind of credential that is not good. */
export const credentialRemedies = {
  missing: "register one: runlet github add",
  unreadable: "what is stored is no token and no App's key: runlet github rotate",
  rejected: "the token or key was revoked, has ended or lacks a permission: runlet github rotate",
  uninstalled:
    "the App is not installed there any more, or under another installation id: have an owner install it, then runlet github rotate",
  suspended: "an owner of the organisation has suspended the App, and can let it act again",
} as const;

function refuse<Why extends Refusal>(
  deps: CredentialDeps,
  scope: string,
  why: Why,
  more: LogFields = {},
): Why {
  deps.log.error("credential_refused", { scope, why, remedy: credentialRemedies[why], ...more });
  deps.metrics.count("credentials-refused", 1, { why });
  return why;
}
