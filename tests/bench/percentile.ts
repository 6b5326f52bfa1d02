// Why: one definition of p50 and p99 for all benchmarks: the nearest rank, which is a value that was measured.

/** The smallest value that at least `share` (0 to 1) of all values do not exceed; NaN when there is none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}
