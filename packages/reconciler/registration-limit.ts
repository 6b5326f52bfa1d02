// Why: GitHub registers at most 1,500 runners per rolling 5 minutes for one enterprise, organisation or
// repository (docs.github.com, "Usage limits" of self-hosted runners) and answers 429 above it. We count
// ourselves, so that 400 runners come at full speed and the 1,501st waits without being refused.
import type { Clock } from "@runlet/runtime/clock";

export interface RegistrationLimit {
  /** Takes one registration of the scope for `who`: 0, or how long to wait before asking again (ms). */
  reserve(scope: string, who: string): number;
  /** The service refused nevertheless (somebody else registers too): nothing before `ms` have passed. */
  pause(scope: string, ms: number): void;
}

/** The window is a little longer than the service's: its clock starts when our request arrives. */
const windowMs = 300_000 + 5_000;

/** Who waits asks again so often: what those before it have left must not lie idle. */
const askEveryMs = 15_000;
/** Who does not come back by then has gone, and holds nobody up. */
const lateMs = 5_000;

export function createRegistrationLimit(clock: Clock, perWindow = 1_500): RegistrationLimit {
  interface Scope {
    /** Instants of the last `perWindow` registrations, a ring. */
    taken: number[];
    next: number;
    pausedUntilMs: number;
    /** Who waits, first come first, and when it should ask again. */
    waiting: Map<string, number>;
  }
  const scopes = new Map<string, Scope>();
  const scopeOf = (name: string) => {
    const known = scopes.get(name);
    if (known) return known;
    const fresh: Scope = { taken: [], next: 0, pausedUntilMs: 0, waiting: new Map() };
    scopes.set(name, fresh);
    return fresh;
  };
  return {
    reserve(name, who) {
      const scope = scopeOf(name);
      const now = clock.nowMs();
      if (scope.pausedUntilMs > now) return scope.pausedUntilMs - now;
      // Each waits for a slot of its own: all that came back for the first one would be one registration and a crowd.
      const ahead = countAhead(scope.waiting, who, now);
      const freed = ahead < perWindow ? scope.taken[(scope.next + ahead) % perWindow] : now;
      const restMs = freed === undefined ? 0 : freed + windowMs - now;
      if (restMs > 0) {
        const againMs = Math.min(restMs, askEveryMs);
        scope.waiting.set(who, now + againMs);
        return againMs;
      }
      scope.waiting.delete(who);
      scope.taken[scope.next] = now;
      scope.next = (scope.next + 1) % perWindow;
      return 0;
    },
    pause(name, ms) {
      const scope = scopeOf(name);
      scope.pausedUntilMs = Math.max(scope.pausedUntilMs, clock.nowMs() + ms);
    },
  };
}

/** How many wait before `who`; forgets those that have not come back. */
function countAhead(waiting: Map<string, number>, who: string, now: number): number {
  let ahead = 0;
  for (const [one, dueMs] of waiting) {
    if (one === who) return ahead;
    if (dueMs + lateMs < now) waiting.delete(one);
    else ahead++;
  }
  return ahead;
}
