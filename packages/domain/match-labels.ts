// Why: webhook and status must agree on which scale sets a job can go to.

/**
 * True when a job that asks for `wanted` can go to a scale set with the labels `offered`: every wanted label is
 * offered, ignoring case; `self-hosted` is never implied (actions/scaleset README, "Labels").
 */
export function matchesLabels(offered: readonly string[], wanted: readonly string[]): boolean {
  if (wanted.length === 0) return false;
  const have = new Set(offered.map((label) => label.toLowerCase()));
  return wanted.every((label) => have.has(label.toLowerCase()));
}
