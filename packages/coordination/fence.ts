// Why: a lease cannot stop a holder that was frozen; a number that only grows can. Table and clusters
// refuse a write with a fence smaller than the one they have seen (M. Kleppmann, "How to do distributed
// locking": fencing tokens).

/** `installation:n`; n comes from one counter of the whole deployment and grows with each taker. */
export interface Fence {
  installation: string;
  n: number;
}

/** Fifteen digits: every such number is exact in a double. */
export const fenceMax = 999_999_999_999_999;

export function formatFence(fence: Fence): string {
  return `${fence.installation}:${fence.n}`;
}

/** Undefined for "0" (made by a reconciler, never served) and for text that is no fence. */
export function parseFence(text: string): Fence | undefined {
  const parts = /^([A-Za-z0-9-]+):(\d{1,15})$/.exec(text);
  return parts?.[1] && parts[2] ? { installation: parts[1], n: Number(parts[2]) } : undefined;
}

/** How a fence that was found stands to ours; "none" for "0" and for text that is no fence. */
export function compareFence(
  found: string,
  own: Fence,
): "none" | "foreign" | "smaller" | "own" | "larger" {
  const fence = parseFence(found);
  if (!fence) return "none";
  if (fence.installation !== own.installation) return "foreign";
  if (fence.n === own.n) return "own";
  return fence.n < own.n ? "smaller" : "larger";
}
