// Why: a template with a bad image would otherwise fail as fast as runners can be made, burn
// registrations and hold the capacity of the set for ever (actions/actions-runner-controller #3700). After
// a few failures in a row a set makes no runner for a while, then one; a success makes it whole again.
import type { Backoff } from "@runlet/runtime/backoff";

/** Failures of one set's runners since the last success. A plain value. */
export interface BreakerState {
  failures: number;
  /** Times the breaker has opened since the last success. */
  rounds: number;
  /** Monotonic ms; before it no runner is made. */
  openUntilMs: number;
}

export const closedBreaker: BreakerState = { failures: 0, rounds: 0, openUntilMs: 0 };

/** Failures of one burst count as one round: they were made before anyone could know better. */
export function afterFailure(
  state: BreakerState,
  nowMs: number,
  rules: { opensAfter: number; backoff: Backoff },
): BreakerState {
  const failures = state.failures + 1;
  if (failures < rules.opensAfter || nowMs < state.openUntilMs) return { ...state, failures };
  const { baseMs, capMs } = rules.backoff;
  const openMs = Math.min(capMs, baseMs * 2 ** Math.min(state.rounds, 20));
  return { failures, rounds: state.rounds + 1, openUntilMs: nowMs + openMs };
}

/** How many runners may be made now: all, none while open, one to try afterwards. */
export function creatable(state: BreakerState, nowMs: number, startingCount: number): number {
  if (state.rounds === 0) return Number.POSITIVE_INFINITY;
  if (nowMs < state.openUntilMs) return 0;
  return Math.max(0, 1 - startingCount);
}

/** The breakers of all sets, by uid of the EphemeralRunnerSet. In memory: after a restart one burst more. */
export interface Breakers {
  of(uid: string): BreakerState;
  failed(uid: string, nowMs: number): BreakerState;
  succeeded(uid: string): void;
  forget(uid: string): void;
}

export function createBreakers(rules: { opensAfter: number; backoff: Backoff }): Breakers {
  const states = new Map<string, BreakerState>();
  const of = (uid: string) => states.get(uid) ?? closedBreaker;
  return {
    of,
    failed(uid, nowMs) {
      const next = afterFailure(of(uid), nowMs, rules);
      states.set(uid, next);
      return next;
    },
    succeeded: (uid) => void states.delete(uid),
    forget: (uid) => void states.delete(uid),
  };
}
