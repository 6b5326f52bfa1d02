// Why: a watch, a wake or a recovered cluster must be able to say "look again" to a loop that waits for a long
// poll. Saying it twice is saying it once; and it stands until it was heard, since the loop that waited may have been
// called away by its poll just before.

export interface Nudge {
  nudge(): void;
  /** Resolves when there is a nudge that nobody has heard. A wait may be given up: nothing is lost with it. */
  wait(): Promise<void>;
  /** What was said so far is acted on from here: the next wait is for the next nudge. */
  heard(): void;
}

export function createNudge(): Nudge {
  let said = false;
  let next = Promise.withResolvers<void>();
  return {
    nudge() {
      said = true;
      next.resolve();
    },
    wait: () => next.promise,
    heard() {
      if (!said) return;
      said = false;
      next = Promise.withResolvers();
    },
  };
}
