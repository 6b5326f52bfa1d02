// Why: (replicas, patchID) is ARC's contract with its EphemeralRunnerSet controller: a number it has not acted on
// may create runners and never deletes one; 0 means "converge, idle runners may go"
// (actions-runner-controller, controllers/actions.github.com/ephemeralrunnerset_controller.go). A settled set
// is not patched at all: ARC patches on every empty poll, 52,560 times a month.
import { int32Max, type Pair } from "./target.ts";

/** What made the poller look at a target. */
export type Occasion =
  /** A message: followed by one patch with a new number, even at an equal count. */
  | "message"
  /** A poll ended without one. */
  | "empty-poll"
  /** Statistics of a session answer, or a change in the cluster: only differences are written. */
  | "look";

export interface PairState {
  /** The last pair decided; undefined before the first. */
  pair: Pair | undefined;
  /** The highest number used so far, here or by whoever served before; 0 before the first. */
  sequence: number;
}

/** What the cluster says about the target's EphemeralRunnerSet. */
export interface RunnerSetFacts {
  /** False when the last pair is owed, or was for an object with another uid. */
  applied: boolean;
  replicas: number;
  /** True while somebody keeps changing the replicas, and it is too soon to change them back once more. */
  driftWaits: boolean;
  /** Pending + running + refused runners; undefined while the cluster is silent. */
  alive: number | undefined;
}

export interface PairDecision extends PairState {
  pair: Pair;
  why: "message" | "count" | "not-applied" | "drift" | "runner-died" | "settle";
}

/** The next pair for one target, or undefined: nothing is to be written. */
export function decidePair(
  occasion: Occasion,
  wanted: { desired: number; minRunners: number },
  state: PairState,
  facts: RunnerSetFacts,
): PairDecision | undefined {
  const why = whyNumbered(occasion, wanted.desired, state, facts);
  if (why) {
    const sequence = nextPatchId(state.sequence);
    return { pair: { replicas: wanted.desired, patchId: sequence }, sequence, why };
  }
  if (occasion === "empty-poll" && !isDrift(state, facts) && mayZero(wanted, state)) {
    return {
      pair: { replicas: wanted.desired, patchId: 0 },
      sequence: state.sequence,
      why: "settle",
    };
  }
  return undefined;
}

/** The number after `sequence`; 0 is kept for "converge", so it wraps to 1. */
export function nextPatchId(sequence: number): number {
  return sequence >= int32Max || sequence < 0 ? 1 : sequence + 1;
}

/**
 * Which of two numbers was used later. They go round: of two that lie far apart the small one is from after the wrap
 * (serial numbers, RFC 1982). 0 stands for none.
 */
export function laterPatchId(one: number, other: number): number {
  const [less, more] = one < other ? [one, other] : [other, one];
  return less > 0 && more - less > int32Max / 2 ? less : more;
}

function whyNumbered(
  occasion: Occasion,
  desired: number,
  state: PairState,
  facts: RunnerSetFacts,
): PairDecision["why"] | undefined {
  const { pair } = state;
  if (occasion === "message") return "message";
  if (!pair || pair.replicas !== desired) return "count";
  if (!facts.applied) return "not-applied";
  if (isDrift(state, facts)) return facts.driftWaits ? undefined : "drift";
  // A pair with number 0 makes the controller converge by itself.
  const died = facts.alive !== undefined && facts.alive < pair.replicas && pair.patchId !== 0;
  return occasion === "empty-poll" && died ? "runner-died" : undefined;
}

/** Somebody else has changed what we ordered. */
function isDrift({ pair }: PairState, facts: RunnerSetFacts): boolean {
  return pair !== undefined && facts.replicas !== pair.replicas;
}

/** Scale-down happens only by the number 0: once, at the first quiet poll with the target at its minimum. */
function mayZero(wanted: { desired: number; minRunners: number }, { pair }: PairState): boolean {
  return wanted.desired === wanted.minRunners && pair !== undefined && pair.patchId !== 0;
}
