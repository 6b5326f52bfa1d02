// Why: each scale set has a loop of its own: one that hangs, fails or floods delays nobody else. The loop waits for
// its long poll and, while that is open, for anything that asks to look again.
import type { Message, Outcome } from "@runlet/actions-service/service";
import { backoffMs } from "@runlet/runtime/backoff";
import { closeIfOver } from "./close-session.ts";
import { decidePoll, type PollDecision } from "./decide-poll.ts";
import { decideSession } from "./decide-session.ts";
import { dueIn } from "./due.ts";
import { openSession, type Opened } from "./open-session.ts";
import { race } from "./race.ts";
import { refreshSession } from "./refresh-session.ts";
import { takeTurn, type Happening } from "./turn.ts";
import type { ServedSet } from "./scale-set.ts";
import type { Shard } from "./shard.ts";

/**
 * Polls that end this soon without anything new are no long polls: a few in a row, and the next one waits (I26). Failures
 * between them do not end the row: two holders of one set, who refresh each other's token away, would spin.
 */
const floorMs = 500;
const quickMax = 2;
const floorBackoff = { baseMs: 100, capMs: 2_000 };

/**
 * Serves one scale set until `signal` aborts. Throws when a turn could not be finished; whoever called begins
 * again from the checkpoint.
 */
export async function pollScaleSet(
  shard: Shard,
  set: ServedSet,
  how: "as-it-is" | "refresh",
  signal: AbortSignal,
): Promise<void> {
  await haveSession(shard, set, how, signal);
  /** A message that no turn could take: the next poll would bring it again at once. */
  let unheard = false;
  while (!signal.aborted) {
    const open = shard.turns.isOpen();
    if (open) unheard = false;
    if (!open && (unheard || !mayPollOn(shard, set))) await race(signal, shard.turns.opened());
    else if (set.closed) await waitUntilNeeded(shard, set, signal);
    else if (!set.session) await haveSession(shard, set, "refresh", signal);
    else unheard = (await pollOnce(shard, set, signal)) === "unheard";
  }
}

/**
 * No turn is taken any more, since a hand-over or a rest has begun; but another set's may take seconds to end, and the
 * service must not notice. Once effects have ended a successor may poll, whose poll ours would end.
 */
function mayPollOn(shard: Shard, set: ServedSet): boolean {
  return !shard.hasEnded() && !set.closed && set.session !== undefined;
}

/** Opens the session, however long that takes, then acts on the statistics that its answer brought. */
async function haveSession(
  shard: Shard,
  set: ServedSet,
  how: "as-it-is" | "refresh",
  signal: AbortSignal,
): Promise<void> {
  for (let attempt = 0; !signal.aborted; attempt++) {
    const opened = await shard.turns.pass(() => openIfNeeded(shard, set, how, attempt));
    if (!opened) await race(signal, shard.turns.opened());
    else if (opened.kind === "later") await sleep(shard, opened.waitMs, signal);
    else return;
  }
}

/**
 * A set that is over needs no session, and must not take it from who waits for it, not even for a moment. It needs a
 * look all the same: what is being deleted is to have no runners, and a shard must hear that nothing is to be done.
 */
async function openIfNeeded(
  shard: Shard,
  set: ServedSet,
  how: "as-it-is" | "refresh",
  attempt: number,
): Promise<Opened | { kind: "closed" }> {
  if (!set.session) await closeIfOver(shard, set);
  if (set.closed) {
    await takeTurn(shard, set, { occasion: "look" });
    return { kind: "closed" };
  }
  const result = await openSession(shard, set, how, attempt);
  if (result.kind === "open") await lookAgain(shard, set);
  return result;
}

async function pollOnce(
  shard: Shard,
  set: ServedSet,
  signal: AbortSignal,
): Promise<"heard" | "unheard"> {
  const { clock, random } = shard.deps;
  const abort = new AbortController();
  const startedAt = clock.nowMs();
  const sent = { capacity: set.capacity, session: set.session, cursor: set.lastMessageId };
  const polled = startPoll(shard, set, AbortSignal.any([signal, abort.signal]));
  for (;;) {
    const outcome = await untilNews(shard, set, polled, signal);
    if (outcome === "aborted") return "heard";
    if (outcome !== "look") {
      const decision = decidePoll(outcome);
      const brought = whatCame(decision, sent.cursor);
      set.quickPolls = countQuick(set.quickPolls, brought, clock.nowMs() - startedAt);
      const heard = await handle(shard, set, decision, signal);
      const surplus = set.quickPolls - quickMax - 1;
      if (surplus >= 0 && brought === "nothing") {
        await pause(shard, set, backoffMs(random, floorBackoff, surplus), signal);
      }
      return heard;
    }
    await shard.turns.pass(() => lookAgain(shard, set));
    const outdated = sent.capacity !== set.capacity || sent.session !== set.session;
    if (!outdated) continue;
    // A poll that is given up loses nothing: only DELETE removes a message.
    abort.abort(new Error("the poll's capacity or token is out of date"));
    await polled;
    return "heard";
  }
}

/** A message at or before the cursor is one that we have acted on: the service has deleted nothing, and gives it again. */
function whatCame(decision: PollDecision, cursor: number): "news" | "nothing" | "failure" {
  if (decision.kind === "failed") return "failure";
  if (decision.kind === "empty") return "nothing";
  return decision.message.messageId > cursor ? "news" : "nothing";
}

function countQuick(before: number, brought: ReturnType<typeof whatCame>, tookMs: number): number {
  if (brought === "news" || tookMs >= floorMs) return 0;
  return brought === "nothing" ? before + 1 : before;
}

async function lookAgain(shard: Shard, set: ServedSet): Promise<void> {
  await takeTurn(shard, set, { occasion: "look" });
  await closeIfOver(shard, set);
}

/** Never rejects: an aborted poll is "aborted", a bug is thrown where the outcome is used. */
function startPoll(shard: Shard, set: ServedSet, signal: AbortSignal): Promise<Polled> {
  const { session, service, lastMessageId } = set;
  if (!session) return Promise.resolve({ kind: "aborted" });
  const limitMs = shard.deps.settings.pollTimeoutMs;
  const at = { lastMessageId, maxCapacity: set.capacity };
  const settled = async (): Promise<Polled> => {
    try {
      await shard.guard();
      const outcome = await shard.polls.pass(() => service.poll(session, at, { signal, limitMs }));
      return outcome ? { kind: "answered", outcome } : { kind: "aborted" };
    } catch (error) {
      return signal.aborted ? { kind: "aborted" } : { kind: "failed", error };
    }
  };
  return settled();
}

type Polled =
  | { kind: "answered"; outcome: Outcome<Message | undefined> }
  | { kind: "aborted" }
  | { kind: "failed"; error: unknown };

/** The poll's outcome, or "look" when a nudge or a due retry comes first and turns may be taken. */
async function untilNews(
  shard: Shard,
  set: ServedSet,
  polled: Promise<Polled>,
  signal: AbortSignal,
): Promise<Outcome<Message | undefined> | "look" | "aborted"> {
  const timer = new AbortController();
  const dueMs = shard.turns.isOpen() ? dueIn(shard, set) : undefined;
  const due =
    dueMs === undefined
      ? []
      : [
          shard.deps.clock.sleep(dueMs, timer.signal).then(
            () => "look" as const,
            () => "look" as const,
          ),
        ];
  const nudged = set.nudge.wait().then(() => "look" as const);
  const first = await Promise.race([polled, nudged, ...due]);
  timer.abort(new Error("no longer waited for"));
  if (first === "look") {
    set.nudge.heard();
    return signal.aborted ? "aborted" : "look";
  }
  if (first.kind === "failed") throw first.error;
  return first.kind === "aborted" ? "aborted" : first.outcome;
}

/** "unheard": turns are taken no more, and nobody has acted on the message. */
async function handle(
  shard: Shard,
  set: ServedSet,
  decision: PollDecision,
  signal: AbortSignal,
): Promise<"heard" | "unheard"> {
  if (decision.kind === "failed") {
    await handleFailure(shard, set, decision, signal);
    return "heard";
  }
  set.pollFailures = 0;
  if (decision.kind === "empty") shard.deps.metrics.count("empty-polls");
  const happening: Happening =
    decision.kind === "message"
      ? { occasion: "message", message: decision.message }
      : { occasion: "empty-poll" };
  const acted = await shard.turns.pass(async () => {
    await takeTurn(shard, set, happening);
    return true;
  });
  if (!acted && decision.kind === "message") {
    // It comes again; but a shard that is about to rest has heard of something to do.
    set.quietSince = undefined;
    return "unheard";
  }
  await shard.turns.pass(() => closeIfOver(shard, set));
  return "heard";
}

async function handleFailure(
  shard: Shard,
  set: ServedSet,
  decision: PollDecision & { kind: "failed" },
  signal: AbortSignal,
): Promise<void> {
  shard.deps.metrics.count("failed-polls", 1, { reason: decision.reason });
  set.log.warn("poll_failed", { reason: decision.reason, action: decision.action });
  const first = set.pollFailures++ === 0;
  // A token that expired is the ordinary case: the first refresh does not wait.
  if (!(first && decision.action === "refresh")) {
    const { retryAfterMs, backoff } = decision;
    const waitMs = retryAfterMs ?? backoffMs(shard.deps.random, backoff, set.pollFailures);
    await pause(shard, set, waitMs, signal);
  }
  if (signal.aborted) return;
  if (decision.action !== "refresh") return;
  const waitMs = await shard.turns.pass(() => refreshAndLook(shard, set));
  if (waitMs !== undefined) await pause(shard, set, waitMs, signal);
}

/** Resolves to how long to wait when the refresh failed: a refused credential is not asked for each second. */
async function refreshAndLook(shard: Shard, set: ServedSet): Promise<number | undefined> {
  const failure = await refreshSession(shard, set);
  if (!failure) {
    await takeTurn(shard, set, { occasion: "look" });
    return undefined;
  }
  set.log.warn("session_refresh_failed", { ...failure });
  const { action, backoff } = decideSession("refresh", failure);
  if (action === "create") {
    set.session = undefined;
    return undefined;
  }
  return failure.retryAfterMs ?? backoffMs(shard.deps.random, backoff, set.pollFailures - 1);
}

/** The session is closed since nobody needs it; a target that lives, or that is ours again, opens it. */
async function waitUntilNeeded(shard: Shard, set: ServedSet, signal: AbortSignal): Promise<void> {
  await race(signal, set.nudge.wait());
  set.nudge.heard();
  if (!signal.aborted) await shard.turns.pass(() => closeIfOver(shard, set));
}

/** Waits before the next poll. What asks to look is looked at meanwhile, as while a poll is open. */
async function pause(shard: Shard, set: ServedSet, ms: number, signal: AbortSignal): Promise<void> {
  const over = sleep(shard, ms, signal).then(() => ({ kind: "aborted" as const }));
  while ((await untilNews(shard, set, over, signal)) === "look") {
    await shard.turns.pass(() => lookAgain(shard, set));
  }
}

async function sleep(shard: Shard, ms: number, signal: AbortSignal): Promise<void> {
  // Aborted: the loop's own condition ends it.
  await shard.deps.clock.sleep(ms, signal).catch(() => {});
}
