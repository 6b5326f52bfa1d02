// Why: GitHub sends a webhook once and does not try again (docs.github.com, "Handling failed webhook deliveries"), but
// it lists the failed ones and sends one again when asked. A redelivered hint wakes a resting shard sooner than its
// next look would.
import { parseJson } from "@runlet/actions-service/json";
import { int64 } from "@runlet/actions-service/wire";
import type { Deliveries } from "@runlet/coordination/deliveries";
import type { Log } from "@runlet/runtime/log";
import type { MetricSink } from "@runlet/runtime/metrics";
import * as z from "zod";
import { callRest, type RestAccess, type RestAnswer, type RestDeps } from "./rest.ts";

/** One webhook whose deliveries can be listed: an organisation's, or a GitHub App's own. */
export interface WebhookSource {
  /** e.g. https://api.github.com/orgs/acme/hooks/12 or https://api.github.com/app/hook */
  url: string;
  /** Rejects when there is no credential that may list them. */
  open: () => Promise<RestAccess>;
}

export interface RedeliverDeps extends RestDeps {
  log: Log;
  metrics: MetricSink;
  deliveries: Deliveries;
  sources: readonly WebhookSource[];
  /** By webhook: not to be asked for before this (wall ms), since the hour's calls run out. */
  savedUntil: Map<string, number>;
  settings: { effectTimeoutMs: number; lookEveryMs: number };
}

const delivery = z.object({
  // 64 bits since February 2026 (octokit/request.js #797): its digits.
  id: int64,
  guid: z.string(),
  delivered_at: z.string().refine((text) => !Number.isNaN(Date.parse(text))),
  event: z.string(),
  action: z.string().nullish(),
  /** What the webhook answered; 0 when it was not reached. */
  status_code: z.number().catch(0),
});

/** At most so many a sweep, the newest first: each is one call, and GitHub counts them. */
const redeliveredMax = 20;
/** Pages of a hundred failed deliveries that a sweep looks through. */
const pagesMax = 5;
/** This part of the hour's calls is left for what cannot do without: tokens of sessions and runners. */
const reservedShare = 0.2;

/** Asks for the failed deliveries of jobs that were queued, and for each to be sent once more. Never rejects. */
export async function redeliver(deps: RedeliverDeps): Promise<number> {
  const counts = await Promise.all(
    deps.sources.map(async (source) => {
      try {
        return await redeliverFrom(deps, source);
      } catch (error) {
        deps.log.warn("redelivery_failed", { webhook: source.url, error });
        deps.metrics.count("sweep-parts-failed", 1, { part: "redeliver" });
        return 0;
      }
    }),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

async function redeliverFrom(deps: RedeliverDeps, source: WebhookSource): Promise<number> {
  const { url } = source;
  if (deps.clock.wallMs() < (deps.savedUntil.get(url) ?? 0)) return 0;
  const access = await source.open();
  let count = 0;
  let tried = 0;
  let skipped = 0;
  let page: string | undefined = `${url}/deliveries?status=failure&per_page=100`;
  for (let pages = 0; page && pages < pagesMax; pages++) {
    const listed = await call(deps, access, "GET", page);
    const { failed, skippedCount } = readDeliveries(listed.text);
    skipped += skippedCount;
    const budget = budgetOf(deps, url, listed) - tried;
    const asked = await askForEach(deps, access, url, { failed, budget });
    tried += asked.tried;
    count += asked.count;
    // Those that were asked for stay in the list as failed; so what is older than they are may be on the next page.
    const isOld = failed.some((one) => ageOf(deps, one) >= deps.settings.lookEveryMs);
    page = isOld || asked.tried >= budget ? undefined : findNextPage(listed, url);
  }
  if (skipped > 0) {
    deps.log.warn("deliveries_skipped", { webhook: url, count: skipped });
    deps.metrics.count("sweep-parts-failed", 1, { part: "redeliver" });
  }
  if (count > 0) deps.log.info("webhooks_redelivered", { webhook: url, count });
  if (count > 0) deps.metrics.count("webhooks-redelivered", count);
  return count;
}

/** One that cannot be read keeps nobody from the others (I23). Throws when the answer is no list at all. */
function readDeliveries(text: string) {
  const listed = z.array(z.unknown()).parse(parseJson(text));
  const failed = listed.flatMap((one) => delivery.safeParse(one).data ?? []);
  return { failed, skippedCount: listed.length - failed.length };
}

/** Asks for those of a page that are of use and were not asked for before, the newest first. */
async function askForEach(
  deps: RedeliverDeps,
  access: RestAccess,
  url: string,
  { failed, budget }: { failed: z.infer<typeof delivery>[]; budget: number },
): Promise<{ tried: number; count: number }> {
  let tried = 0;
  let count = 0;
  for (const { id } of failed.filter((one) => isOfUse(deps, one))) {
    // Known by attempt: one that fails again is another attempt, and is asked for again.
    const attempt = `redelivered ${url} ${id}`;
    if (await deps.deliveries.has(attempt)) continue;
    if (tried >= budget) break;
    tried++;
    try {
      await call(deps, access, "POST", `${url}/deliveries/${id}/attempts`);
    } catch (error) {
      deps.log.warn("webhook_not_redelivered", { webhook: url, id, error });
      continue;
    }
    await deps.deliveries.remember(attempt);
    count++;
  }
  return { tried, count };
}

/** docs.github.com, "Using pagination in the REST API"; a link that leads elsewhere is none. */
function findNextPage({ headers }: RestAnswer, url: string): string | undefined {
  const next = /<([^>]+)>; rel="next"/.exec(headers.get("link") ?? "")?.[1];
  return next?.startsWith(`${url}/deliveries?`) ? next : undefined;
}

/** How many calls may follow the list; without any, the next list waits for the next hour too. */
function budgetOf({ savedUntil }: RedeliverDeps, url: string, { limit }: RestAnswer): number {
  if (!limit) return redeliveredMax;
  const spare = Math.floor(limit.left - limit.max * reservedShare);
  if (spare <= 0) savedUntil.set(url, limit.resetAt);
  return Math.min(redeliveredMax, spare);
}

/** A wrong signature and a huge body end alike the next time. */
const inVain = new Set([401, 413]);

/** Only a queued job wakes anybody, and after a look's time the look has seen it. */
function isOfUse(deps: RedeliverDeps, one: z.infer<typeof delivery>): boolean {
  const isQueued = one.event === "workflow_job" && one.action === "queued";
  // Servers that do not know the filter list what was delivered, too.
  const hasFailed = one.status_code < 200 || one.status_code >= 400;
  const isYoung = ageOf(deps, one) < deps.settings.lookEveryMs;
  return isQueued && hasFailed && isYoung && !inVain.has(one.status_code);
}

function ageOf({ clock }: RedeliverDeps, one: z.infer<typeof delivery>): number {
  return clock.wallMs() - Date.parse(one.delivered_at);
}

async function call(
  deps: RedeliverDeps,
  access: RestAccess,
  method: "GET" | "POST",
  url: string,
): Promise<RestAnswer> {
  const answer = await callRest(deps, access, method, url);
  if (answer.status >= 200 && answer.status < 300) return answer;
  throw new Error(`${method} ${url} was answered ${answer.status}`);
}
