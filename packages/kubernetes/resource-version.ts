// Why: a cache that two writers fill (the watch, and the answers to our own writes) must know which of two
// versions is newer. The API calls a resourceVersion opaque, but every server counts with it (etcd's
// revision), and since 1.35 clients may compare them (KEP-5504 "Comparable Resource Version").

/**
 * Negative: a is older. Undefined: they cannot be compared (one is no number), and the caller must take
 * whatever came last.
 */
export function compareResourceVersions(
  a: string | undefined,
  b: string | undefined,
): number | undefined {
  if (a === b) return 0;
  if (!isNumber(a) || !isNumber(b)) return undefined;
  const difference = BigInt(a) - BigInt(b);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

function isNumber(version: string | undefined): version is string {
  return version !== undefined && /^\d{1,39}$/.test(version);
}
