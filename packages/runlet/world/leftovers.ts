// Why: a run is clean when nothing is left of it: no runner, pod, secret, registration, session or scale set.
import { credentialSecret, runnersNamespace } from "./manifests.ts";
import type { World } from "./world.ts";

/** Names of what is left, by kind; all empty when nothing is. */
export interface Leftovers {
  runnerSets: string[];
  runners: string[];
  pods: string[];
  secrets: string[];
  registrations: string[];
  sessions: string[];
  scaleSets: string[];
}

const actions = "actions.github.com/v1alpha1";

/** Looks straight into the stores of clusters and service. */
export function findLeftovers({
  clusters,
  service,
}: Pick<World, "clusters" | "service">): Leftovers {
  const named = (apiVersion: string, kind: string) =>
    [...clusters.values()].flatMap(({ name, api }) =>
      api
        .objects(apiVersion, kind, runnersNamespace)
        .map(({ metadata }) => `${name}/${metadata.name}`),
    );
  return {
    runnerSets: named(actions, "AutoscalingRunnerSet").concat(named(actions, "EphemeralRunnerSet")),
    runners: named(actions, "EphemeralRunner"),
    pods: named("v1", "Pod"),
    secrets: named("v1", "Secret").filter((name) => !name.endsWith(`/${credentialSecret}`)),
    registrations: service.control.runners().map(({ name }) => name),
    sessions: service.control.sessions().map(({ ownerName }) => ownerName),
    scaleSets: service.control.scaleSets().map(({ name }) => name),
  };
}

export function countLeftovers(leftovers: Leftovers): number {
  return Object.values(leftovers).reduce((sum, names) => sum + names.length, 0);
}

/** One line that names what is left. */
export function describeLeftovers(leftovers: Leftovers): string {
  const parts = Object.entries(leftovers)
    .filter(([, names]) => names.length > 0)
    .map(([kind, names]) => `${names.length} ${kind} (${names.slice(0, 3).join(", ")})`);
  return parts.join("; ") || "nothing";
}
