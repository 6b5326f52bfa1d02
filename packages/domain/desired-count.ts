// Why: one formula decides how many runners there should be, and it reads the service's own tally: events
// come twice, late or truncated at 50 a message (actions/scaleset README, "Scaling"); the tally does not.
import { int32Max } from "./target.ts";

/** What bounds the count. Runners at `minRunners` are idle ones, on top of those with a job (ARC, since 0.8). */
export interface Bounds {
  minRunners: number;
  maxRunners: number;
}

/**
 * min(minRunners + totalAssignedJobs, maxRunners), as ARC's scaler (cmd/ghalistener/scaler/scaler.go). Odd
 * input (negative, fractional, max < min) never leaves 0 … maxRunners.
 */
export function desiredCount(bounds: Bounds, totalAssignedJobs: number): number {
  const max = toCount(bounds.maxRunners);
  return Math.min(toCount(bounds.minRunners) + toCount(totalAssignedJobs), max);
}

/** A whole number in 0 … int32Max; what is no number counts as 0. */
export function toCount(value: number): number {
  if (Number.isNaN(value)) return 0;
  return Math.min(int32Max, Math.max(0, Math.trunc(value)));
}
