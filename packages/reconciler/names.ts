// Why: a runner's name at GitHub is the name of its EphemeralRunner, Secret and Pod, and it starts with
// the name of its set. So names must differ between clusters and namespaces, or one cluster would
// remove the other's registration of the same name.
import type { Random } from "@runlet/runtime/random";
import { shortHash } from "./hash.ts";

/** Kubernetes' own alphabet for generated names. */
const nameAlphabet = "bcdfghjklmnpqrstvwxz2456789";

/** Host names and label values end at 63: 44 + "-" + 5 + "-runner-" + 5. */
const setNameMax = 44;

/**
 * The EphemeralRunnerSet of an AutoscalingRunnerSet: its name and five characters that depend on the
 * cluster (a uid of it) and the namespace. A longer name is cut and then hashed as well.
 */
export function runnerSetName(clusterId: string, namespace: string, autoscaling: string): string {
  const cut = autoscaling.slice(0, setNameMax);
  const more = cut === autoscaling ? "" : `/${autoscaling}`;
  return `${cut}-${shortHash(`${clusterId}/${namespace}${more}`, 5)}`;
}

/** A new runner's name. Drawn here, not by the server, so that a lost answer can be looked up. */
export function drawRunnerName(random: Random, runnerSet: string): string {
  const tail = Array.from({ length: 5 }, () => nameAlphabet[random.int(nameAlphabet.length)]);
  return `${runnerSet}-runner-${tail.join("")}`;
}
