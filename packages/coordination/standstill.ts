// Why: a waiter may not compare clocks with the holder. It judges by one thing: has the version it sees
// stood still for the length that the row itself gives, on the waiter's own clock?
import type { LeaseRead } from "./lease-row.ts";

export interface Standstill {
  /** Notes what was just read; returns the ms after which the lease has run out (0: it has). */
  leftMs(read: LeaseRead): number;
}

/** Judges one lease. A number kept from before a move is thrown away with the move. */
export function createStandstill(): Standstill {
  let version: string | undefined;
  let sinceMs = 0;
  return {
    leftMs({ view, seenMs }) {
      if (view.version !== version) {
        version = view.version;
        sinceMs = seenMs;
      }
      return Math.max(0, sinceMs + view.lengthMs - seenMs);
    },
  };
}
