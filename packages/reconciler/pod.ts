// Why: of a pod's long type only a few fields say how the runner fares. The generated types turn times
// into Dates, which our client does not; these are the fields as they come over the wire.
import type { KubernetesObject } from "@runlet/kubernetes/client";
import type { EphemeralRunnerSpec } from "@runlet/kubernetes/resources";

export interface Pod extends KubernetesObject {
  spec?: EphemeralRunnerSpec["spec"];
  status?: PodStatus;
}

export interface PodStatus {
  phase?: "Pending" | "Running" | "Succeeded" | "Failed" | "Unknown";
  reason?: string;
  message?: string;
  conditions?: {
    type: string;
    status: string;
    lastTransitionTime?: string;
    reason?: string;
    message?: string;
  }[];
  containerStatuses?: ContainerStatus[];
  initContainerStatuses?: ContainerStatus[];
}

export interface ContainerStatus {
  name: string;
  ready?: boolean;
  state?: {
    waiting?: { reason?: string; message?: string };
    running?: { startedAt?: string };
    terminated?: {
      exitCode: number;
      reason?: string;
      message?: string;
      startedAt?: string;
      finishedAt?: string;
    };
  };
}

export interface Secret extends KubernetesObject {
  type?: string;
  /** Base64. */
  data?: Record<string, string>;
}

/** The generated types are classes, the objects are not: what comes over the wire has no prototype to lose. */
export function plain<T extends object>(object: T): { [field in keyof T]: T[field] } {
  return object;
}

/** The container that is the runner; side-cars and init containers are the user's own. */
export const runnerContainer = "runner";
