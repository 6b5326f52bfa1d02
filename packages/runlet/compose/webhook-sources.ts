// Why: where failed webhooks are listed depends on how Runlet is known to GitHub: an App has one webhook of its own and
// proves itself by its JWT; an organisation's or a repository's webhook has an id and takes the token.
import { createPrivateKey } from "node:crypto";
import { parseConfigUrl } from "@runlet/actions-service/config-url";
import { signAppJwt } from "@runlet/actions-service/credential";
import type { Credentials } from "@runlet/coordination/credentials";
import type { WebhookSource } from "@runlet/control-plane/sweep/redeliver";
import type { Clock } from "@runlet/runtime/clock";
import type { Fetch } from "@runlet/runtime/fetch";

/** The webhook of a config scope. `hookId` is needed for a PAT; with an App it is not looked at. */
export function createWebhookSource(
  deps: { clock: Clock; fetch: Fetch; credentials: Credentials },
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
export function createAppWebhookSource(
  deps: { clock: Clock; fetch: Fetch; credentials: Credentials },
  scopeUrl: string,
): WebhookSource {
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
