// Why: two sets of one name in one scope are one scale set at GitHub. Unless both say that they share it, two
// parties would fight over its jobs: the later one is refused. And a set that ARC's listener still serves is
// ARC's. Neither is an error of Runlet, so both are said in words on the object.

export interface Claim {
  /** namespace/name */
  key: string;
  /** Scope, group and name, lower-cased. */
  findKey: string;
  /** The same of the scale set that it has now: another one while an edit has not reached the service. */
  heldKey: string;
  isShared: boolean;
  createdAtMs: number;
  uid: string;
}

/** Why `claim` must not be served, or undefined. `others` are all claims of the cluster, itself included. */
export function planClaim(
  claim: Claim,
  others: readonly Claim[],
  hasListener: boolean,
): { reason: string; message: string } | undefined {
  if (hasListener) {
    return {
      reason: "ServedByARC",
      message:
        "an AutoscalingListener of ARC serves this set; Runlet leaves it alone until that is gone",
    };
  }
  const rivals = others.filter((one) => one.uid !== claim.uid && keysOf(one).has(claim.findKey));
  const rival = rivals.find((one) => isEarlier(one, claim) && !(one.isShared && claim.isShared));
  if (!rival) return undefined;
  return {
    reason: "DuplicateScaleSet",
    message:
      `${rival.key} has the same scope, runner group and scale set name, and is older; to serve one ` +
      `scale set from both, annotate both with runlet.dev/share: "true"`,
  };
}

/** Those of `others` that `claim` may have stood in the way of, now that it is another one or (undefined) gone. */
export function findFreed(
  claim: Claim,
  now: Claim | undefined,
  others: readonly Claim[],
): readonly Claim[] {
  const isSame = claim.findKey === now?.findKey && claim.heldKey === now.heldKey;
  if (isSame && claim.isShared === now.isShared) return [];
  return others.filter((one) => one.uid !== claim.uid && keysOf(claim).has(one.findKey));
}

function keysOf({ findKey, heldKey }: Claim): Set<string> {
  return new Set([findKey, heldKey]);
}

function isEarlier(a: Claim, b: Claim): boolean {
  return a.createdAtMs < b.createdAtMs || (a.createdAtMs === b.createdAtMs && a.uid < b.uid);
}
