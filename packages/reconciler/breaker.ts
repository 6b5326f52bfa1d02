// Why: a template with a bad image would otherwise fail as fast as runners can be made, burn
// registrations and hold the capacity of the set for ever (actions/actions-runner-controller #3700). After
// a few failures in a row a set makes no runner for a while, then one; a success makes it whole again.
import type { Backoff } from "@runlet/runtime/backoff";

/** Failures of one set's runners since the last success. A plain value. */
export interface BreakerState {
  failures: number;
  /** Times the breaker has opened, or let one through, since the last success. */
  rounds: number;
  /** Monotonic ms; before it no runner is made. */
  openUntilMs: number;
  /** Wall ms of the last opening or trial: a runner younger than that is a trial. */
  sinceWallMs: number;
  /** Monotonic ms; the cluster itself refused a runner (quota, admission): none is asked for before. */
  refusedUntilMs: number;
}

export const closedBreaker: BreakerState = {
  failures: 0,
  rounds: 0,
  openUntilMs: 0,
  sinceWallMs: 0,
  refusedUntilMs: 0,
};

export interface BreakerRules {
  opensAfter: number;
  backoff: Backoff;
}

export interface Now {
  nowMs: number;
  wallMs: number;
}

/** Failures while it is open change nothing: they were made before anyone could know better. */
export function afterFailure(state: BreakerState, now: Now, rules: BreakerRules): BreakerState {
  const failures = state.failures + 1;
  if (failures < rules.opensAfter || state.rounds > 0) return { ...state, failures };
  return open({ ...state, failures }, now, rules);
}

/** One was let through. The next must wait longer, unless this one succeeds. */
export function afterTrial(state: BreakerState, now: Now, rules: BreakerRules): BreakerState {
  return state.rounds === 0 ? state : open(state, now, rules);
}

function open(state: BreakerState, now: Now, { backoff }: BreakerRules): BreakerState {
  const openMs = Math.min(backoff.capMs, backoff.baseMs * 2 ** Math.min(state.rounds, 20));
  const openUntilMs = now.nowMs + openMs;
  return { ...state, rounds: state.rounds + 1, openUntilMs, sinceWallMs: now.wallMs };
}

/** How many runners may be made now: all, none while open, one to try afterwards. */
export function creatable(state: BreakerState, nowMs: number): number {
  if (nowMs < state.refusedUntilMs) return 0;
  if (state.rounds === 0) return Number.POSITIVE_INFINITY;
  return nowMs < state.openUntilMs ? 0 : 1;
}

/** The breakers of all sets, by uid of the EphemeralRunnerSet. In memory: after a restart one burst more. */
export interface Breakers {
  of(uid: string): BreakerState;
  failed(uid: string, now: Now): void;
  tried(uid: string, now: Now): void;
  /** No runner could be made; what other runners do says nothing about when one can be. */
  refused(uid: string, untilMs: number): void;
  succeeded(uid: string): void;
  forget(uid: string): void;
}

export function createBreakers(rules: BreakerRules): Breakers {
  const states = new Map<string, BreakerState>();
  const of = (uid: string) => states.get(uid) ?? closedBreaker;
  return {
    of,
    failed: (uid, now) => void states.set(uid, afterFailure(of(uid), now, rules)),
    tried(uid, now) {
      if (of(uid).rounds > 0) states.set(uid, afterTrial(of(uid), now, rules));
    },
    refused: (uid, refusedUntilMs) => void states.set(uid, { ...of(uid), refusedUntilMs }),
    succeeded(uid) {
      const { refusedUntilMs } = of(uid);
      if (states.has(uid)) states.set(uid, { ...closedBreaker, refusedUntilMs });
    },
    forget: (uid) => void states.delete(uid),
  };
}
