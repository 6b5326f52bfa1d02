// Why: a credential that lacks one permission, or a webhook with another secret, shows only when jobs wait. Each thing is
// tried by the call that needs it; where something is missing, what to click is said.
import { createHmac } from "node:crypto";
import { createActionsService } from "@runlet/actions-service/client";
import { parseConfigUrl, scopeApiPath, type ConfigUrl } from "@runlet/actions-service/config-url";
import type { Failure } from "@runlet/actions-service/service";
import { callRest, type RestAccess } from "@runlet/control-plane/sweep/rest";
import type { ScopeCredential } from "@runlet/coordination/credentials";
import { withDeadline } from "@runlet/runtime/deadline";
import { describeError } from "@runlet/runtime/log";
import * as z from "zod";
import { createGithubWays } from "../compose/github-ways.ts";
import type { Place } from "./place.ts";
import { remedyFor, webhookRemedy } from "./github-remedies.ts";

export interface Finding {
  what: "runners" | "webhook" | "webhook secret";
  /** "unknown": it could not be asked, which need not be wrong. */
  state: "good" | "wrong" | "unknown";
  says: string;
  /** What to click or type; absent where nothing is to be done. */
  remedy?: string;
}

export interface GithubQuestion {
  scopeUrl: string;
  credential: ScopeCredential;
  /** Where GitHub sends webhooks; undefined: not asked about. */
  webhookUrl: string | undefined;
  /** The secret that both sides should have. */
  webhookSecret: string | undefined;
  /** It was given just now, so that functions that run know the one before. */
  isSecretNew?: boolean;
}

type CheckPlace = Pick<Place, "clock" | "random" | "log" | "fetchFor">;

const limitMs = 15_000;

/** Asks GitHub, and the webhook. Never rejects for what they answer. */
export async function checkGithub(place: CheckPlace, question: GithubQuestion): Promise<Finding[]> {
  const { webhookUrl, webhookSecret } = question;
  return [
    await checkRunners(place, question),
    ...(webhookUrl === undefined ? [] : [await checkWebhook(place, question, webhookUrl)]),
    ...(webhookUrl === undefined || webhookSecret === undefined
      ? []
      : [await checkSecret(place, question, webhookUrl, webhookSecret)]),
  ];
}

/** Registers as a poller does and lists the scope's scale sets. */
async function checkRunners(
  { clock, random, log, fetchFor }: CheckPlace,
  { scopeUrl, credential }: GithubQuestion,
): Promise<Finding> {
  const service = createActionsService({
    clock,
    random,
    log: { ...log, warn: () => {} },
    configUrl: scopeUrl,
    credential: async () => credential.credential,
    fetch: fetchFor(credential),
    system: { name: "runlet", version: "0.1.0", subsystem: "cli" },
    limitMs,
  });
  const listed = await service.listScaleSets();
  if (listed.ok) {
    const count = `${listed.value.length} scale sets are there`;
    return { what: "runners", state: "good", says: `runners can be registered; ${count}` };
  }
  const { failure } = listed;
  return {
    what: "runners",
    state: isRefusal(failure) ? "wrong" : "unknown",
    says: failure.message,
    ...(isRefusal(failure) && {
      remedy: remedyFor(parseConfigUrl(scopeUrl), credential, failure.status),
    }),
  };
}

function isRefusal({ reason, status = 0 }: Failure): boolean {
  return reason === "unauthorized" || (status >= 400 && status < 500 && status !== 429);
}

const hook = z.object({
  active: z.boolean().optional(),
  events: z.array(z.string()).optional(),
  config: z.object({ url: z.string().optional(), content_type: z.string().optional() }),
});

/** Looks for the webhook among GitHub's: an App's own, or those of the scope. */
async function checkWebhook(
  place: CheckPlace,
  { scopeUrl, credential }: GithubQuestion,
  webhookUrl: string,
): Promise<Finding> {
  const what = "webhook";
  const config = parseConfigUrl(scopeUrl);
  const remedy = webhookRemedy(config, credential, webhookUrl);
  const ways = createGithubWays({
    ...place,
    metrics: { count: () => {}, observe: () => {} },
    credentials: { find: async () => credential },
  });
  try {
    const access = await ways.findAccess(scopeUrl);
    if (!access) throw new Error("there is no credential");
    const hooks = await listHooks(place, access, config);
    if (hooks === undefined) {
      return { what, state: "unknown", says: "the credential may not see webhooks", remedy };
    }
    const found = hooks.find(({ config: { url = "" } }) => sameUrl(url, webhookUrl));
    const wrong = found ? faultOf(found) : `no webhook of GitHub leads to ${webhookUrl}`;
    if (wrong) return { what, state: "wrong", says: wrong, remedy };
    return { what, state: "good", says: `GitHub sends to ${webhookUrl}` };
  } catch (error) {
    return { what, state: "unknown", says: describeError(error) };
  }
}

/** Undefined: the credential may not look. */
async function listHooks(place: CheckPlace, access: RestAccess, config: ConfigUrl) {
  const deps = { ...place, settings: { effectTimeoutMs: limitMs } };
  const isApp = access.kind === "app";
  const path = isApp ? "/app/hook/config" : `${scopeApiPath(config.scope)}/hooks?per_page=100`;
  const answer = await callRest(deps, access, "GET", `${config.apiBase}${path}`);
  if ([401, 403, 404].includes(answer.status)) return undefined;
  if (answer.status !== 200) throw new Error(`GitHub answers ${answer.status} to ${path}`);
  const said: unknown = JSON.parse(answer.text);
  if (!isApp) return z.array(hook).parse(said);
  const { status, text } = await callRest(deps, access, "GET", access.proofUrl);
  const events = status === 200 ? installation.parse(JSON.parse(text)).events : undefined;
  return [hook.parse({ config: said, events })];
}

/** docs.github.com, "Get an installation for the authenticated app": what its App is subscribed to. */
const installation = z.object({ events: z.array(z.string()).optional() });

function faultOf({ active, events, config }: z.infer<typeof hook>): string | undefined {
  if (active === false) return "the webhook is not active";
  if (events && !events.some((event) => event === "workflow_job" || event === "*"))
    return "the webhook does not send workflow jobs";
  if (config.content_type !== undefined && config.content_type !== "json")
    return `the webhook's content type is ${config.content_type}, not json`;
  return undefined;
}

function sameUrl(one: string, other: string): boolean {
  return one.replace(/\/+$/, "") === other.replace(/\/+$/, "");
}

/** What GitHub sends when a webhook is made, signed with the secret: whoever answers 202 has the same one. */
async function checkSecret(
  { clock, fetchFor }: CheckPlace,
  { scopeUrl, credential, isSecretNew }: GithubQuestion,
  webhookUrl: string,
  secret: string,
): Promise<Finding> {
  const what = "webhook secret";
  const body = JSON.stringify({ zen: "Runlet asks itself", hook_id: 0 });
  const signature = createHmac("sha256", secret).update(body).digest("hex");
  const headers = {
    "content-type": "application/json",
    "x-github-event": "ping",
    "x-github-delivery": `runlet-check-${clock.wallMs()}`,
    "x-hub-signature-256": `sha256=${signature}`,
  };
  try {
    const status = await withDeadline(clock, limitMs, undefined, async (signal) => {
      const sent = { method: "POST", headers, body, signal };
      const answer = await fetchFor(credential)(webhookUrl, sent);
      await answer.text();
      return answer.status;
    });
    if (status === 202) return { what, state: "good", says: "the webhook takes it" };
    const says = `${webhookUrl} answers ${status} to a delivery that is signed with it`;
    if (status !== 401) return { what, state: "wrong", says };
    if (isSecretNew) {
      const remedy = `a new one counts within five minutes; then: runlet github check ${scopeUrl}`;
      return { what, state: "unknown", says, remedy };
    }
    const remedy = "give the same secret here and at GitHub: runlet github rotate";
    return { what, state: "wrong", says, remedy };
  } catch (error) {
    return { what, state: "wrong", says: `${webhookUrl} does not answer: ${describeError(error)}` };
  }
}
