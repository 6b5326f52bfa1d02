// Why: tests and the demo's ledger compare instants: when a job could first be seen, when a poll
// was open, who held which session. The simulator says each fact once, as it happens.
import type { EntryType, News } from "../job-ledger/ledger.ts";

export type SimulatorFact =
  | News
  | { kind: "scale-set-created" | "scale-set-deleted"; scaleSet: string; name: string }
  | {
      kind:
        | "session-created"
        | "session-refreshed"
        | "session-closed"
        | "session-lapsed"
        | "session-evicted";
      scaleSet: string;
      sessionId: string;
      ownerName: string;
    }
  /** Somebody asked for a session that `heldBy` has. */
  | { kind: "session-refused"; scaleSet: string; ownerName: string; heldBy: string }
  | { kind: "poll-opened"; scaleSet: string; sessionId: string; poll: number; maxCapacity: number }
  | { kind: "poll-closed"; scaleSet: string; sessionId: string; poll: number; outcome: PollEnd }
  | {
      kind: "message-delivered";
      scaleSet: string;
      messageId: number;
      entries: { type: EntryType; job: string }[];
    }
  | { kind: "message-deleted"; scaleSet: string; messageId: number }
  | { kind: "webhook-sent" | "webhook-lost"; delivery: string; action: string; job: string };

/** How a poll ended. `ended`: its session is no more. */
export type PollEnd = "message" | "quiet" | "superseded" | "ended" | "aborted";

/** A fact and its instant, in milliseconds of the simulator's clock (`nowMs`). */
export type SimulatorEvent = SimulatorFact & { at: number };

export interface Events {
  publish(fact: SimulatorFact): void;
  /** Calls `listener` for every later fact, in order; the returned function ends that. */
  listen(listener: (event: SimulatorEvent) => void): () => void;
}

export function createEvents(nowMs: () => number): Events {
  const listeners = new Set<(event: SimulatorEvent) => void>();
  return {
    publish(fact) {
      const event = { ...fact, at: nowMs() };
      for (const listener of listeners) listener(event);
    },
    listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
