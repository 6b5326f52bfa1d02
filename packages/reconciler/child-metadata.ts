// Why: users select, bill and firewall runners by labels, so labels travel from an AutoscalingRunnerSet
// to its children exactly as ARC's do (ARC 0.14.2, resourcebuilder.go): the user's metadata is the base, the
// parent's labels come over it, ARC's own keys over both. Our annotations steer sets, never runners.
import { annotations, labels, type ResourceMeta } from "@runlet/kubernetes/resources";
import type { AutoscalingRunnerSet, EphemeralRunnerSet } from "@runlet/kubernetes/resources";

const partOf = "gha-runner-scale-set";

export interface Metadata {
  labels: Record<string, string>;
  annotations: Record<string, string>;
}

/** Labels that say whose runners these are; a part of a config URL each. */
export function scopeLabels(scope: {
  enterprise?: string | undefined;
  organization?: string | undefined;
  repository?: string | undefined;
}): Record<string, string> {
  const out: Record<string, string> = {};
  if (scope.enterprise) out[labels.enterprise] = labelValue(scope.enterprise);
  if (scope.organization) out[labels.organization] = labelValue(scope.organization);
  if (scope.repository) out[labels.repository] = labelValue(scope.repository);
  return out;
}

/** ARC cuts at 58 and marks the cut; a label value must begin and end with a letter or digit. */
export function labelValue(text: string): string {
  if (text.length > 63) return `${text.slice(0, 58)}-trim`;
  return text.replace(/^[-_.]+|[-_.]+$/g, "");
}

/** Keys that steer sets and runners: a user's metadata for children may not set them. */
export function isReservedKey(key: string): boolean {
  return /^(actions\.github\.com|runlet\.dev)\/|^actions-ephemeral-runner$/.test(key);
}

/** What an EphemeralRunnerSet carries, without our own annotations. */
export function runnerSetMetadata(
  set: AutoscalingRunnerSet,
  excludedPrefixes: readonly string[],
): Metadata {
  const meta = set.spec.ephemeralRunnerSetMetadata;
  const own: Record<string, string> = {
    [labels.partOf]: partOf,
    [labels.component]: "runner-set",
    [labels.scaleSetName]: set.metadata.name,
    [labels.scaleSetNamespace]: set.metadata.namespace ?? "",
  };
  return {
    labels: {
      ...allowed(meta?.labels),
      ...propagated(set.metadata.labels, excludedPrefixes),
      ...own,
    },
    annotations: {
      ...allowed(meta?.annotations),
      ...pick(set.metadata.annotations, [
        annotations.runnerGroupName,
        annotations.runnerScaleSetName,
      ]),
    },
  };
}

/** What a new EphemeralRunner carries. `specHash` lets a later pass see that its template is an old one. */
export function runnerMetadata(set: EphemeralRunnerSet, specHash: string): Metadata {
  const meta: ResourceMeta | undefined = set.spec.ephemeralRunnerMetadata;
  const inherited = Object.entries(set.metadata.annotations ?? {}).filter(
    ([key]) => !/^(runlet\.dev|kubectl\.kubernetes\.io)\//.test(key),
  );
  return {
    labels: { ...allowed(meta?.labels), ...set.metadata.labels, [labels.component]: "runner" },
    annotations: {
      ...allowed(meta?.annotations),
      ...Object.fromEntries(inherited),
      [annotations.patchId]: String(set.spec.patchID),
      [annotations.integrityHash]: specHash,
    },
  };
}

function allowed(from: Record<string, string> | undefined): Record<string, string> {
  return Object.fromEntries(Object.entries(from ?? {}).filter(([key]) => !isReservedKey(key)));
}

function propagated(
  from: Record<string, string> | undefined,
  excludedPrefixes: readonly string[],
): Record<string, string> {
  const kept = Object.entries(from ?? {}).filter(
    ([key]) => !excludedPrefixes.some((prefix) => key.startsWith(prefix)),
  );
  return Object.fromEntries(kept);
}

function pick(from: Record<string, string> | undefined, keys: string[]): Record<string, string> {
  const entries = keys.map((key) => [key, from?.[key]] as const);
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => !!entry[1]));
}
