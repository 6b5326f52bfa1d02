// Why: where failed webhooks are listed depends on how Runlet is known to GitHub: an App has one webhook of its own and
// proves itself by its JWT; an organisation's or a repository's webhook has an id and takes the token.
import { parseConfigUrl, scopeApiPath } from "@runlet/actions-service/config-url";
import type { WebhookSource } from "@runlet/control-plane/sweep/redeliver";
import * as z from "zod";
import type { GithubWays } from "./github-ways.ts";

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
export function createWebhookSources(
  ways: Pick<GithubWays, "findAccess">,
  webhooks: readonly Webhook[],
): WebhookSource[] {
  return webhooks.map(({ scope: configUrl, hookId }) => {
    const { apiBase, scope } = parseConfigUrl(configUrl);
    const kind = hookId === undefined ? "app" : "pat";
    const needed = kind === "app" ? "GitHub App" : "personal access token";
    return {
      url:
        kind === "app" ? `${apiBase}/app/hook` : `${apiBase}${scopeApiPath(scope)}/hooks/${hookId}`,
      async open() {
        const access = await ways.findAccess(configUrl);
        if (access?.kind === kind) return access;
        throw new Error(`${configUrl} has no ${needed}`);
      },
    };
  });
}
