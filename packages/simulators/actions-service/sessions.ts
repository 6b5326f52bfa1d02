// Why: one message session a scale set, for whoever came first: a second create is refused until
// the first is closed or has lapsed, and only the newest queue token is good.
import type { Clock } from "@runlet/runtime/clock";
import type { Random } from "@runlet/runtime/random";
import type { Events } from "./events.ts";
import type { Knobs } from "./knobs.ts";
import { createSessionLapses } from "./session-lapses.ts";
import type { Tokens } from "./tokens.ts";

export interface SimulatedSession {
  id: string;
  ownerName: string;
  /** The scale set's key. */
  scaleSet: string;
  queueToken: string;
  createdAt: number;
  lastActivityAt: number;
  openPollsCount: number;
  /** What the last poll said it can take; undefined before the first. */
  maxCapacity: number | undefined;
}

export type SessionEnd = "session-closed" | "session-lapsed" | "session-evicted";

export interface Sessions {
  /** "conflict": somebody has it, and be it the same owner. */
  open(scaleSet: string, ownerName: string): SimulatedSession | "conflict";
  refresh(session: SimulatedSession): void;
  end(session: SimulatedSession, how: SessionEnd): void;
  find(scaleSet: string, id: string): SimulatedSession | undefined;
  /** The session a scale set has now. */
  current(scaleSet: string): SimulatedSession | undefined;
  /** The live session of a queue token that is good. */
  byToken(token: string | undefined): SimulatedSession | undefined;
  list(): SimulatedSession[];
  /** An open poll counts as activity all the time. */
  pollOpened(session: SimulatedSession): void;
  pollClosed(session: SimulatedSession): void;
  touch(session: SimulatedSession): void;
  /** Calls back after a session has ended, whatever ended it. */
  onEnd(listener: (session: SimulatedSession) => void): void;
  stop(): void;
}

interface Deps {
  clock: Clock;
  random: Random;
  events: Events;
  tokens: Tokens;
  knobs: () => Knobs;
}

export function createSessions(deps: Deps): Sessions {
  const { clock, random, events, tokens, knobs } = deps;
  const byScaleSet = new Map<string, SimulatedSession>();
  const lapses = createSessionLapses(
    clock,
    () => knobs().sessionLapseMs,
    (session) => end(session, "session-lapsed"),
  );
  const listeners: ((session: SimulatedSession) => void)[] = [];

  const say = (kind: SessionEnd | "session-created" | "session-refreshed", of: SimulatedSession) =>
    events.publish({ kind, scaleSet: of.scaleSet, sessionId: of.id, ownerName: of.ownerName });
  const issue = (id: string) => tokens.issue("queue", id, knobs().queueTokenLifeMs).token;

  function end(session: SimulatedSession, how: SessionEnd) {
    if (byScaleSet.get(session.scaleSet) !== session) return;
    byScaleSet.delete(session.scaleSet);
    lapses.drop(session);
    say(how, session);
    for (const listener of listeners) listener(session);
  }

  function create(scaleSet: string, ownerName: string): SimulatedSession {
    const id = random.uuid();
    const now = clock.nowMs();
    return {
      id,
      ownerName,
      scaleSet,
      queueToken: issue(id),
      createdAt: now,
      lastActivityAt: now,
      openPollsCount: 0,
      maxCapacity: undefined,
    };
  }

  function touch(session: SimulatedSession) {
    session.lastActivityAt = clock.nowMs();
    lapses.arm(session);
  }

  return {
    open(scaleSet, ownerName) {
      const held = byScaleSet.get(scaleSet);
      if (held) {
        events.publish({ kind: "session-refused", scaleSet, ownerName, heldBy: held.ownerName });
        return "conflict";
      }
      const session = create(scaleSet, ownerName);
      byScaleSet.set(scaleSet, session);
      lapses.arm(session);
      say("session-created", session);
      return session;
    },
    refresh(session) {
      tokens.revoke(session.queueToken, knobs().oldQueueTokenGraceMs);
      session.queueToken = issue(session.id);
      touch(session);
      say("session-refreshed", session);
    },
    end,
    find(scaleSet, id) {
      const session = byScaleSet.get(scaleSet);
      return session?.id === id ? session : undefined;
    },
    current: (scaleSet) => byScaleSet.get(scaleSet),
    byToken(token) {
      const id = tokens.find("queue", token);
      return [...byScaleSet.values()].find((session) => session.id === id);
    },
    list: () => [...byScaleSet.values()],
    pollOpened(session) {
      session.openPollsCount += 1;
    },
    pollClosed(session) {
      session.openPollsCount -= 1;
      touch(session);
    },
    touch,
    onEnd: (listener) => void listeners.push(listener),
    stop: () => lapses.stop(),
  };
}
