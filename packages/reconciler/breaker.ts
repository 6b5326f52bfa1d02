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

/** How long it stays open after so many rounds. */
export function openMs(rounds: number, { backoff }: BreakerRules): number {
  return Math.min(backoff.capMs, backoff.baseMs * 2 ** Math.min(rounds, 20));
}

function open(state: BreakerState, now: Now, rules: BreakerRules): BreakerState {
  const openUntilMs = now.nowMs + openMs(state.rounds, rules);
  return { ...state, rounds: state.rounds + 1, openUntilMs, sinceWallMs: now.wallMs };
}

/** How many runners may be made now: all, none while open, one to try afterwards. */
export function creatable(state: BreakerState, nowMs: number): number {
  if (nowMs < state.refusedUntilMs) return 0;
  if (state.rounds === 0) return Number.POSITIVE_INFINITY;
  return nowMs < state.openUntilMs ? 0 : 1;
}

/** The breakers of all sets, by uid of the EphemeralRunnerSet. */
export interface Breakers {
  of(uid: string): BreakerState;
  /**
   * To be called before a set's breaker counts: `before` is what an earlier process left of it, `template` tells what its
   * runners are made from. Another template begins anew, since the change may be the cure.
   */
  learn(uid: string, template: string, before: () => BreakerState): void;
  failed(uid: string, now: Now): void;
  tried(uid: string, now: Now): void;
  /** No runner could be made; what other runners do says nothing about when one can be. */
  refused(uid: string, untilMs: number): void;
  succeeded(uid: string): void;
  forget(uid: string): void;
}

export function createBreakers(rules: BreakerRules): Breakers {
  const states = new Map<string, BreakerState>();
  const templates = new Map<string, string>();
  const of = (uid: string) => states.get(uid) ?? closedBreaker;
  const begin = (uid: string, state: BreakerState) => {
    const { refusedUntilMs } = of(uid);
    states.set(uid, { ...state, refusedUntilMs });
  };
  return {
    of,
    learn(uid, template, before) {
      const known = templates.get(uid);
      if (known === template) return;
      templates.set(uid, template);
      if (known !== undefined) return begin(uid, closedBreaker);
      const left = before();
      // Runners may have failed before their set was looked at.
      if (left.rounds > of(uid).rounds) begin(uid, left);
    },
    failed: (uid, now) => void states.set(uid, afterFailure(of(uid), now, rules)),
    tried(uid, now) {
      if (of(uid).rounds > 0) states.set(uid, afterTrial(of(uid), now, rules));
    },
    refused: (uid, refusedUntilMs) => void states.set(uid, { ...of(uid), refusedUntilMs }),
    succeeded(uid) {
      if (states.has(uid)) begin(uid, closedBreaker);
    },
    forget(uid) {
      states.delete(uid);
      templates.delete(uid);
    },
  };
}
