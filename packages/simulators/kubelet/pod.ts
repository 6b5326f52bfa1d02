// Why: the parts of a pod that a kubelet reads and writes, as they come over the wire (the generated types
// turn every time into a Date). Field names are the API's (Kubernetes docs, reference "Pod v1 core").
import type { KubernetesObject } from "@runlet/kubernetes/client";

export interface EnvironmentVariable {
  name: string;
  value?: string;
  valueFrom?: { secretKeyRef?: { name?: string; key: string; optional?: boolean } };
}

export interface Container {
  name: string;
  image?: string;
  env?: EnvironmentVariable[];
  /** "Always" on an init container makes it a side-car. */
  restartPolicy?: string;
}

export type PodPhase = "Pending" | "Running" | "Succeeded" | "Failed";

export interface PodCondition {
  type: string;
  status: "True" | "False";
  reason?: string;
  message?: string;
  lastTransitionTime: string;
}

export interface Terminated {
  exitCode: number;
  reason: string;
  message?: string;
  startedAt?: string;
  finishedAt: string;
}

export interface ContainerState {
  waiting?: { reason: string; message?: string };
  running?: { startedAt: string };
  terminated?: Terminated;
}

export interface ContainerStatus {
  name: string;
  image: string;
  imageID: string;
  containerID?: string;
  ready: boolean;
  started: boolean;
  restartCount: number;
  state: ContainerState;
  lastState: ContainerState;
}

export interface PodStatus {
  phase: PodPhase;
  reason?: string;
  message?: string;
  conditions: PodCondition[];
  startTime?: string;
  hostIP?: string;
  podIP?: string;
  initContainerStatuses?: ContainerStatus[];
  containerStatuses?: ContainerStatus[];
}

export interface Pod extends KubernetesObject {
  spec?: {
    nodeName?: string;
    restartPolicy?: string;
    terminationGracePeriodSeconds?: number;
    initContainers?: Container[];
    containers?: Container[];
  };
  status?: Partial<PodStatus>;
}

/** ARC's name for the container that is the runner (controllers/actions.github.com/constants.go). */
export const runnerContainer = "runner";
