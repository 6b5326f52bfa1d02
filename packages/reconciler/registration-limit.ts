// Why: GitHub registers at most 1,500 runners per rolling 5 minutes for one enterprise, organisation or
// repository (docs.github.com, "Usage limits" of self-hosted runners) and answers 429 above it. We count
// ourselves, so that 400 runners come at full speed and the 1,501st waits without being refused.
import type { Clock } from "@runlet/runtime/clock";

export interface RegistrationLimit {
  /** Takes one registration of the scope: 0, or how long to wait before asking again (ms). */
  reserve(scope: string): number;
  /** The service refused nevertheless (somebody else registers too): nothing before `ms` have passed. */
  pause(scope: string, ms: number): void;
}

/** The window is a little longer than the service's: its clock starts when our request arrives. */
const windowMs = 300_000 + 5_000;

export function createRegistrationLimit(clock: Clock, perWindow = 1_500): RegistrationLimit {
  interface Scope {
    /** Instants of the last `perWindow` registrations, a ring. */
    taken: number[];
    next: number;
    pausedUntilMs: number;
  }
  const scopes = new Map<string, Scope>();
  const scopeOf = (name: string) => {
    const known = scopes.get(name);
    if (known) return known;
    const fresh: Scope = { taken: [], next: 0, pausedUntilMs: 0 };
    scopes.set(name, fresh);
    return fresh;
  };
  return {
    reserve(name) {
      const scope = scopeOf(name);
      const now = clock.nowMs();
      if (scope.pausedUntilMs > now) return scope.pausedUntilMs - now;
      const oldest = scope.taken[scope.next];
      if (oldest !== undefined && oldest + windowMs > now) return oldest + windowMs - now;
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
