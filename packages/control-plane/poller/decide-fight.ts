// Why: who changes an EphemeralRunnerSet's replicas without our fence (a person, a tool that keeps manifests as they were)
// is put right at once, but not fought at their own speed (fault F54): each patch costs a write here and in the store.

/** Resets of one target that were put right, one soon after the other. */
export interface Fight {
  /** How many. */
  resets: number;
  /** Monotonic ms of the last one. */
  at: number;
}

export const noFight: Fight = { resets: 0, at: 0 };

const baseMs = 1_000;
const capMs = 30_000;
/** After so long without a reset the next one is the first again. */
const forgottenMs = 60_000;

/** Monotonic ms from when on another reset may be put right: at once, after 1 s, 2 s, … 30 s. */
export function mayPutRightAt({ resets, at }: Fight): number {
  return resets === 0 ? 0 : at + Math.min(capMs, baseMs * 2 ** Math.min(resets - 1, 30));
}

/** A reset has been put right at `nowMs`. A fight begins with the second within a minute. */
export function nextFight(fight: Fight, nowMs: number): Fight {
  const isOver = nowMs - fight.at >= forgottenMs;
  return { resets: isOver ? 1 : fight.resets + 1, at: nowMs };
}
