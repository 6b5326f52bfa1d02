// Why: an open breaker stands on its EphemeralRunnerSet. Kept in memory alone, each restart and each change of the leader
// would let a burst of runners through that fail like those before. Anybody may write an annotation, so it is read with care.
import {
  closedBreaker,
  openMs,
  type BreakerRules,
  type BreakerState,
  type Now,
} from "./breaker.ts";

/** `runlet.dev/breaker`, as JSON. */
interface Note {
  rounds: number;
  /** ISO time of the last opening or trial; how long it holds follows from the rounds. */
  since: string;
  /** Hash of what its runners were made from: another template has not failed yet. */
  template: string;
}

/** Undefined while it is closed. The same state is the same text, or each pass would write. */
export function formatBreaker(state: BreakerState, template: string): string | undefined {
  if (state.rounds === 0) return undefined;
  const since = new Date(state.sinceWallMs).toISOString();
  return JSON.stringify({ rounds: state.rounds, since, template } satisfies Note);
}

/** What an earlier process noted of this template; closed for anything else. No clock makes it hold longer than it may. */
export function parseBreaker(
  text: string | undefined,
  template: string,
  now: Now,
  rules: BreakerRules,
): BreakerState {
  const found = /^\{"rounds":(\d{1,4}),"since":"([^"]+)","template":"([^"]+)"\}$/.exec(text ?? "");
  const sinceWallMs = Math.min(Date.parse(found?.[2] ?? ""), now.wallMs);
  const rounds = Number(found?.[1] ?? 0);
  if (rounds === 0 || found?.[3] !== template || !Number.isFinite(sinceWallMs))
    return closedBreaker;
  const restMs = sinceWallMs + openMs(rounds - 1, rules) - now.wallMs;
  const openUntilMs = now.nowMs + Math.max(0, restMs);
  return { ...closedBreaker, failures: rules.opensAfter, rounds, openUntilMs, sinceWallMs };
}
