// Why: what the chart of a runner set renders is looked at in several suites: the least values that a user writes, and
// the shapes that they look for.
import { charts, objectsOf, oneOf, type Helm, type Rendered } from "./helm.ts";

/** The least that a user writes; ARC's names. */
export const base = {
  githubConfigUrl: "https://github.com/my-org",
  githubConfigSecret: { github_token: "ghp_test" },
  controllerServiceAccount: { name: "runlet", namespace: "runlet-system" },
};
export const image = "ghcr.io/actions/actions-runner:latest";
export const claim = {
  accessModes: ["ReadWriteOnce"],
  resources: { requests: { storage: "1Gi" } },
};

export interface Container {
  name: string;
  image?: string;
  env?: object[];
  volumeMounts?: object[];
}

export interface PodSpec {
  containers: Container[];
  initContainers?: Container[];
  volumes?: object[];
  serviceAccountName: string;
  restartPolicy: string;
}

export interface RunnerSetSpec extends Record<string, unknown> {
  template: { metadata?: object; spec: PodSpec };
}

export const setOf = (objects: Rendered[]) => oneOf(objects, "AutoscalingRunnerSet");
export const specOf = (objects: Rendered[]) => setOf(objects).spec as RunnerSetSpec;

/** The objects of a release "arc" in the namespace "runners". */
export async function renderSet(helm: Helm, values: object, args: string[] = []) {
  return objectsOf(await helm.render(charts.runnerSet, { ...base, ...values }, args));
}
