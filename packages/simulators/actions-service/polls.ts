// Why: the long poll, the heart of the service: a message at once if there is one, else held; never
// lost by an aborted call, since only a DELETE removes a message.
import type { Clock } from "@runlet/runtime/clock";
import { admitJobs } from "../job-ledger/assign-jobs.ts";
import { matches, type LoggedMessage } from "../job-ledger/ledger.ts";
import { nextMessage } from "../job-ledger/messages.ts";
import type { Events, PollEnd } from "./events.ts";
import type { JobDesk } from "./job-desk.ts";
import type { Knobs } from "./knobs.ts";
import type { ScaleSets } from "./scale-sets.ts";
import type { Sessions, SimulatedSession } from "./sessions.ts";

export type PollResult =
  | { end: "message"; message: LoggedMessage }
  | { end: Exclude<PollEnd, "message"> };

export interface PollOrder {
  lastMessageId: number;
  maxCapacity: number;
  signal: AbortSignal | undefined;
}

export interface Polls {
  poll(session: SimulatedSession, order: PollOrder): Promise<PollResult>;
  /** Auto-assign mode, knob `assignWithoutSession`: gives jobs to sets that nobody listens to. */
  assignUnheard(): void;
  /** Breaks every poll that is held. */
  stop(): void;
}

interface Deps {
  clock: Clock;
  events: Events;
  desk: JobDesk;
  scaleSets: ScaleSets;
  sessions: Sessions;
  knobs: () => Knobs;
}

/** One poll that is open: what can end its wait. */
interface OpenPoll {
  session: SimulatedSession;
  end(how: "superseded" | "ended" | "aborted"): void;
}

export function createPolls(deps: Deps): Polls {
  const { clock, events, desk, sessions, knobs } = deps;
  const open = new Set<OpenPoll>();
  /** What a set said it can take when somebody last listened. */
  const lastCapacity = new Map<string, number>();
  let pollsCount = 0;

  sessions.onEnd((session) => {
    for (const one of open) if (one.session === session) one.end("ended");
    assignUnheard();
  });

  function take(session: SimulatedSession, order: PollOrder): LoggedMessage | undefined {
    const { scaleSet } = session;
    if (desk.rules().mode === "auto-assign") {
      desk.commit(admitJobs(desk.ledger(), scaleSet, order.maxCapacity, clock.nowMs()));
    }
    const { entriesMax } = desk.rules();
    return desk.commit(nextMessage(desk.ledger(), scaleSet, order.lastMessageId, entriesMax));
  }

  async function poll(session: SimulatedSession, order: PollOrder): Promise<PollResult> {
    const { scaleSet, id: sessionId } = session;
    if (knobs().secondPollEndsFirst) {
      for (const one of open) if (one.session === session) one.end("superseded");
    }
    session.maxCapacity = order.maxCapacity;
    lastCapacity.set(scaleSet, order.maxCapacity);
    const number = (pollsCount += 1);
    const { maxCapacity } = order;
    sessions.pollOpened(session);
    events.publish({ kind: "poll-opened", scaleSet, sessionId, poll: number, maxCapacity });
    const result = await waitForMessage(deps, open, session, order, () => take(session, order));
    sessions.pollClosed(session);
    events.publish({ kind: "poll-closed", scaleSet, sessionId, poll: number, outcome: result.end });
    if (result.end === "message") {
      const { id: messageId, entries } = result.message;
      const said = entries.map(({ type, job }) => ({ type, job: job.key }));
      events.publish({ kind: "message-delivered", scaleSet, messageId, entries: said });
    }
    return result;
  }

  function assignUnheard() {
    if (desk.rules().mode !== "auto-assign" || !knobs().assignWithoutSession) return;
    for (const { key } of deps.scaleSets.list()) {
      if (sessions.current(key)) continue;
      const capacity = lastCapacity.get(key) ?? Number.MAX_SAFE_INTEGER;
      desk.commit(admitJobs(desk.ledger(), key, capacity, clock.nowMs()));
    }
  }

  events.listen((event) => {
    if (event.kind !== "job-queued" && event.kind !== "job-requeued") return;
    const sets = [...desk.ledger().scaleSets.values()];
    // Not in the middle of the move that brought the news.
    if (sets.some((set) => matches(set, event.job))) void Promise.resolve().then(assignUnheard);
  });

  const stop = () => {
    for (const one of open) one.end("aborted");
  };
  return { poll, assignUnheard, stop };
}

/**
 * Waits for the first of: a message, the end of the hold, a second poll, the session's end, an
 * abort.
 */
function waitForMessage(
  deps: Deps,
  open: Set<OpenPoll>,
  session: SimulatedSession,
  order: PollOrder,
  take: () => LoggedMessage | undefined,
): Promise<PollResult> {
  const { clock, desk, knobs } = deps;
  const { signal } = order;
  return new Promise((resolve) => {
    let scheduled = false;
    const finish = (result: PollResult) => {
      if (!open.delete(self)) return;
      cancelHold();
      unwatch();
      signal?.removeEventListener("abort", onAbort);
      resolve(result);
    };
    const look = () => {
      scheduled = false;
      if (!open.has(self)) return;
      if (signal?.aborted) return finish({ end: "aborted" });
      const message = take();
      if (message) finish({ end: "message", message });
    };
    // One look for all that happens at this instant, so that it shares a message.
    const onChange = () => {
      if (scheduled) return;
      scheduled = true;
      const delayMs = knobs().deliveryDelayMs;
      if (delayMs > 0) clock.after(delayMs, look);
      else void Promise.resolve().then(look);
    };
    const onAbort = () => finish({ end: "aborted" });
    const self: OpenPoll = { session, end: (end) => finish({ end }) };
    open.add(self);
    const cancelHold = clock.after(knobs().holdMs, () => finish({ end: "quiet" }));
    const unwatch = desk.watch(session.scaleSet, onChange);
    signal?.addEventListener("abort", onAbort, { once: true });
    look();
  });
}
