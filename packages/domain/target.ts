// Why: one scale set may be served by several clusters; each place that serves it is a target.

/** ARC's "unset" for maxRunners and the largest patch id: 2^31 - 1. */
export const int32Max = 2_147_483_647;

/** The place where runners of one scale set are made. */
export interface TargetRef {
  /** The name under which the cluster is registered. */
  cluster: string;
  namespace: string;
  /** The AutoscalingRunnerSet's name. */
  autoscalingRunnerSet: string;
}

/** What ARC's contract puts on an EphemeralRunnerSet: replicas and patchID, applied together. */
export interface Pair {
  replicas: number;
  /** 1 … int32Max for a numbered order (may create, never deletes); 0 = converge, idle runners may go. */
  patchId: number;
}

/** One string for a target, unique in a deployment: `cluster/namespace/name`. */
export function targetKey(target: TargetRef): string {
  return `${target.cluster}/${target.namespace}/${target.autoscalingRunnerSet}`;
}
