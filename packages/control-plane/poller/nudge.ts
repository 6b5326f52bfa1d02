// Why: a watch, a wake or a recovered cluster must be able to say "look again" to a loop that waits for a long
// poll. Saying it twice is saying it once.

export interface Nudge {
  nudge(): void;
  /** Resolves at the next nudge, or at once for one that came since the last wait ended. */
  wait(): Promise<void>;
}

export function createNudge(): Nudge {
  let pending = false;
  let wake: (() => void) | undefined;
  let waiting: Promise<void> | undefined;
  return {
    nudge() {
      if (!wake) {
        pending = true;
        return;
      }
      wake();
      wake = undefined;
      waiting = undefined;
    },
    wait() {
      if (pending) {
        pending = false;
        return Promise.resolve();
      }
      waiting ??= new Promise((resolve) => (wake = resolve));
      return waiting;
    },
  };
}
