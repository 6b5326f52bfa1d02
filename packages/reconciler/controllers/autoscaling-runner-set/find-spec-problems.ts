// Why: a manifest can be wrong in ways that no service would ever tell. Our CRD refuses most of them, but the CRD in
// the cluster may be an older one, or ARC's, so they are found here too: the field, what is wrong, what to write.
import type { AutoscalingRunnerSet } from "@runlet/kubernetes/resources";
import { isReservedKey } from "../../child-metadata.ts";

export interface SpecProblem {
  reason: string;
  message: string;
  /** False: it is served all the same, in the only way that makes sense. */
  blocks: boolean;
}

/** Label values, and so our children's labels, end here. */
const nameMax = 63;
/** GitHub's limit of a runner's label, as ARC's chart states it (gha-runner-scale-set 0.14.2, templates). */
const labelMax = 255;

/** All that is wrong, what blocks first. `set.spec` may be anything that an older schema let through. */
export function findSpecProblems(set: AutoscalingRunnerSet): SpecProblem[] {
  const found = [...nameProblems(set), ...specProblems(set), ...labelProblems(set)];
  return found.toSorted((a, b) => Number(b.blocks) - Number(a.blocks));
}

function nameProblems({ metadata: { name } }: AutoscalingRunnerSet): SpecProblem[] {
  if (name.length <= nameMax) return [];
  const message = `metadata.name has ${name.length} characters; use at most ${nameMax}`;
  return [{ reason: "NameTooLong", message, blocks: true }];
}

function specProblems({ spec }: AutoscalingRunnerSet): SpecProblem[] {
  const found: SpecProblem[] = [];
  const block = (reason: string, message: string) => found.push({ reason, message, blocks: true });
  const warn = (reason: string, message: string) => found.push({ reason, message, blocks: false });
  const containers: unknown = spec.template?.spec?.containers;
  const named = Array.isArray(containers)
    ? containers.map((one: { name?: unknown }) => one?.name)
    : [];
  if (!named.includes("runner")) {
    block("NoRunnerContainer", 'spec.template has no container named "runner"; name one so');
  }
  if (typeof spec.vaultConfig?.["type"] === "string" && spec.vaultConfig["type"] !== "") {
    const remedy = "put the credential into a Secret and name it in spec.githubConfigSecret";
    block("VaultNotSupported", `spec.vaultConfig: vaults are not supported yet; ${remedy}`);
  }
  const { minRunners = 0, maxRunners = Number.POSITIVE_INFINITY } = spec;
  for (const [field, value] of Object.entries({ minRunners, maxRunners })) {
    if (value < 0)
      warn("NegativeLimit", `spec.${field} is ${value} and counts as 0; write 0 or more`);
  }
  if (minRunners > Math.max(0, maxRunners)) {
    const remedy = "the maximum holds; raise maxRunners or lower minRunners";
    warn(
      "MinAboveMax",
      `spec.minRunners ${minRunners} is above spec.maxRunners ${maxRunners}; ${remedy}`,
    );
  }
  return found;
}

function labelProblems({ spec }: AutoscalingRunnerSet): SpecProblem[] {
  const found: SpecProblem[] = [];
  for (const [at, label] of (spec.runnerScaleSetLabels ?? []).entries()) {
    if (label.trim() !== "" && label.length <= labelMax) continue;
    const message = `spec.runnerScaleSetLabels[${at}] must have 1 to ${labelMax} characters`;
    found.push({ reason: "InvalidLabel", message, blocks: true });
  }
  const metas = {
    "ephemeralRunnerSetMetadata.labels": spec.ephemeralRunnerSetMetadata?.labels,
    "ephemeralRunnerSetMetadata.annotations": spec.ephemeralRunnerSetMetadata?.annotations,
    "ephemeralRunnerMetadata.labels": spec.ephemeralRunnerMetadata?.labels,
    "ephemeralRunnerMetadata.annotations": spec.ephemeralRunnerMetadata?.annotations,
  };
  for (const [field, map] of Object.entries(metas)) {
    const key = Object.keys(map ?? {}).find((one) => isReservedKey(one));
    if (key === undefined) continue;
    const message = `spec.${field} has ${key}, which is reserved and ignored; remove it`;
    found.push({ reason: "ReservedKey", message, blocks: false });
  }
  return found;
}
