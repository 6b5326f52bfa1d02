// Why: GitHub sends a webhook once and does not try again (docs.github.com, "Handling failed webhook deliveries"), but
// it lists the failed ones and sends one again when asked. A redelivered hint wakes a resting shard sooner than its
// next look would.
import type { Deliveries } from "@runlet/coordination/deliveries";
import type { Clock } from "@runlet/runtime/clock";
import type { Fetch } from "@runlet/runtime/fetch";
import { withDeadline } from "@runlet/runtime/deadline";
import type { Log } from "@runlet/runtime/log";
import * as z from "zod";

/** One webhook whose deliveries can be listed: an organisation's, or a GitHub App's own. */
export interface WebhookSource {
  /** e.g. https://api.github.com/orgs/acme/hooks/12 or https://api.github.com/app/hook */
  url: string;
  /** The Authorization header's value. */
  authorization: () => Promise<string>;
  fetch: Fetch;
}

export interface RedeliverDeps {
  clock: Clock;
  log: Log;
  deliveries: Deliveries;
  sources: readonly WebhookSource[];
  settings: { effectTimeoutMs: number; lookEveryMs: number };
}

const delivery = z.object({
  id: z.number(),
  guid: z.string(),
  delivered_at: z.string(),
  event: z.string(),
  action: z.string().nullish(),
});

/** At most so many a sweep, the newest first: each is one call, and GitHub counts them. */
const redeliveredMax = 20;

/** Asks for the failed deliveries of jobs that were queued, and for each to be sent once more. Never rejects. */
export async function redeliver(deps: RedeliverDeps): Promise<number> {
  const counts = await Promise.all(
    deps.sources.map(async (source) => {
      try {
        return await redeliverFrom(deps, source);
      } catch (error) {
        deps.log.warn("redelivery_failed", { webhook: source.url, error });
        return 0;
      }
    }),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

async function redeliverFrom(deps: RedeliverDeps, source: WebhookSource): Promise<number> {
  const list = await call(deps, source, "GET", "/deliveries?status=failure&per_page=100");
  const failed = z
    .array(delivery)
    .parse(list)
    .filter((one) => isOfUse(deps, one));
  let count = 0;
  for (const { id } of failed.slice(0, redeliveredMax)) {
    // Known by attempt: one that fails again is another attempt, and is asked for again.
    const attempt = `redelivered ${source.url} ${id}`;
    if (await deps.deliveries.has(attempt)) continue;
    try {
      await call(deps, source, "POST", `/deliveries/${id}/attempts`);
    } catch (error) {
      deps.log.warn("webhook_not_redelivered", { webhook: source.url, id, error });
      continue;
    }
    await deps.deliveries.remember(attempt);
    count++;
  }
  if (count > 0) deps.log.info("webhooks_redelivered", { webhook: source.url, count });
  return count;
}

/** Only a queued job wakes anybody, and after a look's time the look has seen it. */
function isOfUse(deps: RedeliverDeps, one: z.infer<typeof delivery>): boolean {
  const ageMs = deps.clock.wallMs() - Date.parse(one.delivered_at);
  return (
    one.event === "workflow_job" && one.action === "queued" && ageMs < deps.settings.lookEveryMs
  );
}

async function call(
  { clock, settings }: RedeliverDeps,
  source: WebhookSource,
  method: "GET" | "POST",
  path: string,
): Promise<unknown> {
  const authorization = await source.authorization();
  return withDeadline(clock, settings.effectTimeoutMs, undefined, async (signal) => {
    const answer = await source.fetch(`${source.url}${path}`, {
      method,
      signal,
      headers: { authorization, accept: "application/vnd.github+json", "user-agent": "runlet" },
    });
    const text = await answer.text();
    if (answer.ok) return text === "" ? undefined : JSON.parse(text);
    throw new Error(`${method} ${source.url}${path} was answered ${answer.status}`);
  });
}
