// Why: what an AutoscalingRunnerSet asks for, with ARC's defaults filled in (ARC 0.14.2,
// apis/actions.github.com/v1alpha1/autoscalingrunnerset_types.go).
import { parseConfigUrl } from "@runlet/actions-service/config-url";
import { annotations, type AutoscalingRunnerSet } from "@runlet/kubernetes/resources";

/** The scale set that a manifest names. */
export interface Wanted {
  /** Lower-case host and path of the config URL. */
  scopeKey: string;
  name: string;
  /** "" = the default group. */
  runnerGroup: string;
  /** The name first, then the extra labels, each once. */
  labels: string[];
  isShared: boolean;
}

/** Throws InvalidConfigUrl. */
export function wantedOf(set: AutoscalingRunnerSet): Wanted {
  const name = set.spec.runnerScaleSetName || set.metadata.name;
  return {
    scopeKey: parseConfigUrl(set.spec.githubConfigUrl ?? "").scopeKey,
    name,
    runnerGroup: set.spec.runnerGroup ?? "",
    labels: [...new Set([name, ...(set.spec.runnerScaleSetLabels ?? [])])],
    isShared: isShared(set),
  };
}

export function isShared(set: AutoscalingRunnerSet): boolean {
  return set.metadata.annotations?.[annotations.share] === "true";
}

/** The id at the service, as ARC keeps it; undefined when there is none that can be used. */
export function scaleSetIdOf(set: AutoscalingRunnerSet): number | undefined {
  const text = set.metadata.annotations?.[annotations.scaleSetId] ?? "";
  return /^[1-9]\d{0,14}$/.test(text) ? Number(text) : undefined;
}

/** Scope, group and name as GitHub compares them: the find key of a scale set. */
export function findKeyOf(wanted: Wanted): string {
  const group = wanted.runnerGroup.toLowerCase();
  return `${wanted.scopeKey} ${group === "default" ? "" : group} ${wanted.name.toLowerCase()}`;
}
