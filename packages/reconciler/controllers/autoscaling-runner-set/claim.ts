// Why: gathers what plan-claim.ts judges.
import { annotations, type AutoscalingRunnerSet } from "@runlet/kubernetes/resources";
import { hasListener } from "../../arc.ts";
import type { Context } from "../../context.ts";
import { objectKey } from "../../object-key.ts";
import { planClaim, type Claim } from "./plan-claim.ts";
import { findKeyOf, isShared, scaleSetIdOf, wantedOf } from "./wanted.ts";

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
export function claimOf(set: AutoscalingRunnerSet): Claim | undefined {
  try {
    const wanted = wantedOf(set);
    return {
      key: objectKey(set),
      findKey: findKeyOf(wanted),
      heldKey: findKeyOf({ ...wanted, ...confirmedOf(set) }),
      isShared: isShared(set),
      createdAtMs: Date.parse(set.metadata.creationTimestamp ?? "") || 0,
      uid: set.metadata.uid ?? "",
    };
  } catch {
    return undefined;
  }
}

/** Name and group as the service has them; after an edit they are the old ones for a moment. */
function confirmedOf(set: AutoscalingRunnerSet): { name?: string; runnerGroup?: string } {
  if (scaleSetIdOf(set) === undefined) return {};
  const name = set.metadata.annotations?.[annotations.runnerScaleSetName];
  const runnerGroup = set.metadata.annotations?.[annotations.runnerGroupName];
  return { ...(name && { name }), ...(runnerGroup && { runnerGroup }) };
}
