// Why: two sets of one name in one scope are one scale set at GitHub. Unless both say that they share it, two
// parties would fight over its jobs: the later one is refused. And a set that ARC's listener still serves is
// ARC's. Neither is an error of Runlet, so both are said in words on the object.

export interface Claim {
  /** namespace/name */
  key: string;
  /** Scope, group and name, lower-cased. */
  findKey: string;
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
  const rivals = others.filter((one) => one.findKey === claim.findKey && one.uid !== claim.uid);
  const rival = rivals.find((one) => isEarlier(one, claim) && !(one.isShared && claim.isShared));
  if (!rival) return undefined;
  return {
    reason: "DuplicateScaleSet",
    message:
      `${rival.key} has the same scope, runner group and scale set name, and is older; to serve one ` +
      `scale set from both, annotate both with runlet.dev/share: "true"`,
  };
}

function isEarlier(a: Claim, b: Claim): boolean {
  return a.createdAtMs < b.createdAtMs || (a.createdAtMs === b.createdAtMs && a.uid < b.uid);
}
