// Why: gathers what plan-claim.ts judges.
import type { AutoscalingRunnerSet } from "@runlet/kubernetes/resources";
import { hasListener } from "../../arc.ts";
import type { Context } from "../../context.ts";
import { objectKey } from "../../object-key.ts";
import { planClaim, type Claim } from "./plan-claim.ts";
import { findKeyOf, isShared, wantedOf } from "./wanted.ts";

/** Why the set is refused, or undefined. */
export function judgeClaim(ctx: Context, set: AutoscalingRunnerSet) {
  const claim = claimOf(set);
  if (!claim) return undefined;
  const others = ctx.kinds.autoscaling
    .all()
    .filter((one) => ctx.scope.manages(one.metadata.namespace ?? ""))
    .flatMap((one) => claimOf(one) ?? []);
  return planClaim(
    claim,
    others,
    hasListener(ctx, set.metadata.namespace ?? "", set.metadata.name),
  );
}

/** Undefined when its URL cannot be read: then it names no scale set at all. */
function claimOf(set: AutoscalingRunnerSet): Claim | undefined {
  try {
    return {
      key: objectKey(set),
      findKey: findKeyOf(wantedOf(set)),
      isShared: isShared(set),
      createdAtMs: Date.parse(set.metadata.creationTimestamp ?? "") || 0,
      uid: set.metadata.uid ?? "",
    };
  } catch {
    return undefined;
  }
}
