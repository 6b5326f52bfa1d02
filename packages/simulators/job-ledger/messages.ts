// Why: the message log of a scale set. Delivery is at least once: a message stays until it is
// deleted, and only a cursor beyond it hides it from a poll (actions/scaleset README, "Message
// acknowledgement").
import { stay, withScaleSet, type Ledger, type LoggedMessage, type Move } from "./ledger.ts";

/**
 * The oldest undeleted message after `lastMessageId`. If there is none, what is pending becomes the
 * next message: at most `entriesMax` lines, the rest waits for the one after.
 */
export function nextMessage(
  ledger: Ledger,
  scaleSet: string,
  lastMessageId: number,
  entriesMax: number,
): Move<LoggedMessage | undefined> {
  const set = ledger.scaleSets.get(scaleSet);
  if (!set) return stay(ledger, undefined);
  const kept = set.log.find((message) => message.id > lastMessageId);
  if (kept) return stay(ledger, kept);
  // A cursor from before the set was re-created may lie beyond its ids: such a poll sees nothing.
  if (set.pending.length === 0 || set.nextMessageId <= lastMessageId) {
    return stay(ledger, undefined);
  }
  const message = { id: set.nextMessageId, entries: set.pending.slice(0, entriesMax) };
  const packed = withScaleSet(ledger, {
    ...set,
    nextMessageId: set.nextMessageId + 1,
    pending: set.pending.slice(entriesMax),
    log: [...set.log, message],
  });
  return { ledger: packed, news: [], value: message };
}

/** Deletes exactly this message; others stay. */
export function deleteMessage(
  ledger: Ledger,
  scaleSet: string,
  id: number,
): Move<"deleted" | "absent"> {
  const set = ledger.scaleSets.get(scaleSet);
  if (!set?.log.some((message) => message.id === id)) return stay(ledger, "absent");
  const log = set.log.filter((message) => message.id !== id);
  return { ledger: withScaleSet(ledger, { ...set, log }), news: [], value: "deleted" };
}
