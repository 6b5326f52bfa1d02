// Why: where failed webhooks are listed depends on how Runlet is known to GitHub: an App has one webhook of its own and
// proves itself by its JWT; an organisation's or a repository's webhook has an id and takes the token.
import { createPrivateKey } from "node:crypto";
import { parseConfigUrl } from "@runlet/actions-service/config-url";
import { signAppJwt } from "@runlet/actions-service/credential";
import type { Credentials } from "@runlet/coordination/credentials";
import type { WebhookSource } from "@runlet/control-plane/sweep/redeliver";
import type { Clock } from "@runlet/runtime/clock";
import type { Fetch } from "@runlet/runtime/fetch";
import * as z from "zod";

interface SourceDeps {
  clock: Clock;
  fetch: Fetch;
  credentials: Credentials;
}

/** A webhook whose failed deliveries are asked for: an App's own without an id. */
export const webhookShape = z.object({ scope: z.url(), hookId: z.int().optional() });
export type Webhook = z.infer<typeof webhookShape>;

/** Webhooks as JSON. Throws with the field that is wrong. */
export function parseWebhooks(json: string): Webhook[] {
  const read = z.array(webhookShape).safeParse(JSON.parse(json));
  if (read.success) return read.data;
  throw new Error(`the list of webhooks is wrong: ${z.prettifyError(read.error)}`);
}

/** Where the failed deliveries of each are listed. */
export function createWebhookSources(deps: SourceDeps, webhooks: Webhook[]): WebhookSource[] {
  return webhooks.map(({ scope, hookId }) =>
    hookId === undefined
      ? createAppWebhookSource(deps, scope)
      : createWebhookSource(deps, { url: scope, hookId }),
  );
}

/** The webhook of a config scope. `hookId` is needed for a PAT; with an App it is not looked at. */
export function createWebhookSource(
  deps: SourceDeps,
  scope: { url: string; hookId: number },
): WebhookSource {
  const { apiBase, scope: parsed } = parseConfigUrl(scope.url);
  const owner =
    parsed.kind === "organization"
      ? `orgs/${parsed.organization}`
      : parsed.kind === "repository"
        ? `repos/${parsed.organization}/${parsed.repository}`
        : `enterprises/${parsed.enterprise}`;
  return {
    url: `${apiBase}/${owner}/hooks/${scope.hookId}`,
    fetch: deps.fetch,
    async authorization() {
      const found = await deps.credentials.find(scope.url);
      if (found?.credential.kind === "pat") return `Bearer ${found.credential.token}`;
      throw new Error(`${scope.url} has no personal access token`);
    },
  };
}

/** The webhook of a GitHub App. */
function createAppWebhookSource(deps: SourceDeps, scopeUrl: string): WebhookSource {
  return {
    url: `${parseConfigUrl(scopeUrl).apiBase}/app/hook`,
    fetch: deps.fetch,
    async authorization() {
      const found = await deps.credentials.find(scopeUrl);
      if (found?.credential.kind !== "app") throw new Error(`${scopeUrl} has no GitHub App`);
      const { appId, privateKey } = found.credential;
      return `Bearer ${signAppJwt(appId, createPrivateKey(privateKey), deps.clock.wallMs()).jwt}`;
    },
  };
}
