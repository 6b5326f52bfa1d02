// Why: what is shown on one minor of Kubernetes may not hold on the one before, which most clusters still run. The suites
// can be run on either; each has a Go module of its own, since its dependencies are pinned by it.
import { readChoice } from "@runlet/runtime/flags";

/** The first is the default. */
export const kubernetesMinors = ["1.36", "1.35"] as const;

export interface KubernetesRelease {
  /** Without the "v". */
  version: string;
  /** Below tests/cluster/go. */
  folder: string;
}

const releases: Record<(typeof kubernetesMinors)[number], KubernetesRelease> = {
  "1.36": { version: "1.36.3", folder: "k8s" },
  "1.35": { version: "1.35.4", folder: "k8s-1.35" },
};

/** The environment variable by which tests/cluster/run.ts tells the suites which one. */
export const minorVariable = "RUNLET_KUBERNETES";

/** `text` as after --kubernetes; undefined: the default. Throws UsageError for one that has no module here. */
export function readKubernetesRelease(
  text: string | undefined = process.env[minorVariable],
): KubernetesRelease {
  return releases[readChoice("kubernetes", text || undefined, kubernetesMinors)];
}
