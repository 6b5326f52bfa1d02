// Why: the order of effects, in one function. Everything above the checkpoint may run twice and is harmless when it
// does; the message is deleted last, so that whatever a kill cut off comes again (invariant I5).
import type { JobNews, Message } from "@runlet/actions-service/service";
import type { Occasion } from "@runlet/domain/patch-pair";
import { acknowledge } from "./acknowledge.ts";
import { acquire } from "./acquire.ts";
import { applyPlan } from "./apply-plan.ts";
import { noteStarted, startedFacts } from "./job-started.ts";
import { countNews, lookAtTargets } from "./look-at-targets.ts";
import { noteNews } from "./note-news.ts";
import { isStillOurs } from "./ownership.ts";
import { logJobs, noteWaiting } from "./note-jobs.ts";
import { planTurn, shouldAskAgain } from "./plan-turn.ts";
import { noteQuiet } from "./quiet.ts";
import { refreshSession } from "./refresh-session.ts";
import { forget, save } from "./save.ts";
import { statisticsOf, takeStatistics, type ServedSet } from "./scale-set.ts";
import type { Shard } from "./shard.ts";

export type Happening =
  | { occasion: "message"; message: Message }
  | { occasion: Exclude<Occasion, "message"> };

/** Acts on one message, one empty poll or one look at the clusters. Throws when it could not be finished. */
export async function takeTurn(shard: Shard, set: ServedSet, happening: Happening): Promise<void> {
  const startedAt = shard.deps.clock.nowMs();
  const message = happening.occasion === "message" ? happening.message : undefined;
  const news = message?.news ?? [];
  const looked = lookAtTargets(shard, set);
  const completed = countNews(set, looked.views, news);
  if (message) await takeTally(shard, set, message);
  noteWaiting(shard, set, news);

  const plan = planTurn(happening.occasion, statisticsOf(set), looked.plannable(completed));
  set.capacity = plan.capacity;
  const decided = plan.targets.some(({ decision }) => decision !== undefined);
  if (happening.occasion === "empty-poll" && decided) await beSureOfQuiet(shard, set);
  const owedBefore = owedFacts(set);

  await applyPlan(shard, set, looked.views, plan);
  const { clock, metrics } = shard.deps;
  if (message) metrics.observe("message-to-patch", clock.nowMs() - startedAt);
  await noteStarted(shard, set, looked.views, startedFacts(news));
  await acquire(shard, set, news);
  // A DELETE that failed is tried again, before the checkpoint names a newer message in its place.
  if (happening.occasion !== "look") await acknowledge(shard, set);
  if (message) await save(shard, set, cursorAfter(message));
  else if (decided || owedBefore !== owedFacts(set)) await save(shard, set);
  if (message) await acknowledge(shard, set);

  noteQuiet(shard, set, looked.views);
  if (message) tell(shard, set, message);
}

/** The message's statistics count; when they look wrong the service is asked once more before anything falls. */
async function takeTally(shard: Shard, set: ServedSet, message: Message): Promise<void> {
  const before = set.statistics;
  takeStatistics(set, message.statistics);
  const busy = [...set.targets.values()].reduce((sum, target) => sum + target.busy, 0);
  const news = { assigned: count(message.news, "JobAssigned"), completed: 0 };
  news.completed = count(message.news, "JobCompleted");
  if (!message.statistics || !shouldAskAgain(before, message.statistics, news, busy)) return;
  set.log.info("tally_asked_again", { ...news, busy, ...message.statistics });
  const failure = await refreshSession(shard, set);
  if (failure) set.log.warn("session_refresh_failed", { ...failure });
}

/**
 * The service ends a poll as if it were empty when its session is polled anew: what looks like quiet may be somebody
 * else's beginning. Two reads, and only before the rare write that follows from quiet.
 */
async function beSureOfQuiet(shard: Shard, set: ServedSet): Promise<void> {
  if (!(await isStillOurs(shard, set))) forget(set, "its poll was ended by another invocation's");
}

function cursorAfter({ messageId }: Message) {
  return { lastMessageId: messageId, unacknowledged: messageId };
}

function count(news: readonly JobNews[], type: JobNews["type"]): number {
  return news.filter((one) => one.type === type).length;
}

/** Facts that are owed, by identity: an exchange of one for another is a change too. */
function owedFacts(set: ServedSet): string {
  const all = [...set.targets.values()].flatMap(({ owed }) => owed?.jobStarted ?? []);
  return all
    .map(({ runnerName, jobId, requestId }) => `${runnerName} ${jobId} ${requestId}`)
    .join();
}

function tell(shard: Shard, set: ServedSet, message: Message): void {
  shard.deps.metrics.count("messages");
  set.log.info("message_handled", {
    messageId: message.messageId,
    newsCount: message.news.length,
    skippedCount: message.skippedCount,
    assigned: statisticsOf(set).totalAssignedJobs,
  });
  logJobs(shard, set, message.news);
  noteNews(shard, set, message.news);
}
