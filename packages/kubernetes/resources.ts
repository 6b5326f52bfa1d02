// Why: the kinds, names, labels, annotations and finalizers that Runlet shares with ARC stand in one
// place, exactly as ARC writes them (actions/actions-runner-controller, apis/actions.github.com/v1alpha1
// and controllers/actions.github.com/constants.go, 0.14.2), beside our own few.
import type { V1PodTemplateSpec } from "@kubernetes/client-node";
import type { KubernetesObject, Resource } from "./client.ts";

const actions = (plural: string, kind: string): Resource => ({
  group: "actions.github.com",
  version: "v1alpha1",
  plural,
  kind,
  namespaced: true,
});
const core = (plural: string, kind: string, namespaced = true): Resource => ({
  group: "",
  version: "v1",
  plural,
  kind,
  namespaced,
});

export const autoscalingRunnerSets = actions("autoscalingrunnersets", "AutoscalingRunnerSet");
export const ephemeralRunnerSets = actions("ephemeralrunnersets", "EphemeralRunnerSet");
export const ephemeralRunners = actions("ephemeralrunners", "EphemeralRunner");
export const autoscalingListeners = actions("autoscalinglisteners", "AutoscalingListener");
export const namespaces = core("namespaces", "Namespace", false);
export const pods = core("pods", "Pod");
export const secrets = core("secrets", "Secret");
export const configMaps = core("configmaps", "ConfigMap");
export const events = core("events", "Event");
export const leases: Resource = {
  group: "coordination.k8s.io",
  version: "v1",
  plural: "leases",
  kind: "Lease",
  namespaced: true,
};

export interface ResourceMeta {
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
}
export interface ProxyServer {
  url: string;
  credentialSecretRef?: string;
}
export interface ProxyConfig {
  http?: ProxyServer;
  https?: ProxyServer;
  noProxy?: string[];
}
export interface TlsConfig {
  certificateFrom?: { configMapKeyRef?: { name?: string; key: string; optional?: boolean } };
}

/** As Kubernetes' metav1.Condition. */
export interface Condition {
  type: string;
  status: "True" | "False" | "Unknown";
  reason: string;
  message: string;
  lastTransitionTime: string;
  observedGeneration?: number;
}

export interface AutoscalingRunnerSet extends KubernetesObject {
  spec: {
    githubConfigUrl?: string;
    githubConfigSecret?: string;
    runnerGroup?: string;
    runnerScaleSetName?: string;
    runnerScaleSetLabels?: string[];
    proxy?: ProxyConfig;
    githubServerTLS?: TlsConfig;
    vaultConfig?: Record<string, unknown>;
    template?: V1PodTemplateSpec;
    listenerTemplate?: V1PodTemplateSpec;
    ephemeralRunnerSetMetadata?: ResourceMeta;
    ephemeralRunnerMetadata?: ResourceMeta;
    ephemeralRunnerConfigSecretMetadata?: ResourceMeta;
    /** Unset = 2147483647. */
    maxRunners?: number;
    /** Unset = 0. */
    minRunners?: number;
  };
  status?: {
    currentRunners?: number;
    phase?: "Pending" | "Running" | "Outdated";
    pendingEphemeralRunners?: number;
    runningEphemeralRunners?: number;
    failedEphemeralRunners?: number;
    /** Ours: "Registered" and "Healthy"; absent below ARC. */
    conditions?: Condition[];
  };
}

export interface EphemeralRunnerSpec extends V1PodTemplateSpec {
  githubConfigUrl: string;
  githubConfigSecret: string;
  runnerScaleSetId: number;
  githubServerTLS?: TlsConfig;
  proxy?: ProxyConfig;
  proxySecretRef?: string;
  vaultConfig?: Record<string, unknown>;
  ephemeralRunnerConfigSecretMetadata?: ResourceMeta;
}

export interface EphemeralRunnerSet extends KubernetesObject {
  spec: {
    replicas?: number;
    patchID: number;
    ephemeralRunnerSpec?: EphemeralRunnerSpec;
    ephemeralRunnerMetadata?: ResourceMeta;
  };
  status?: {
    currentReplicas: number;
    pendingEphemeralRunners?: number;
    runningEphemeralRunners?: number;
    failedEphemeralRunners?: number;
    /** Ours: runners that have a job; absent below ARC. */
    busyEphemeralRunners?: number;
    phase?: "Running" | "Outdated";
  };
}

export interface EphemeralRunner extends KubernetesObject {
  spec: EphemeralRunnerSpec;
  status?: {
    ready?: boolean;
    phase?: "Pending" | "Running" | "Succeeded" | "Failed" | "Outdated" | "Unknown";
    reason?: string;
    message?: string;
    runnerId?: number;
    runnerName?: string;
    /** Pod uid → time of failure. */
    failures?: Record<string, string>;
    jobRequestId?: number;
    jobId?: string;
    jobRepositoryName?: string;
    jobWorkflowRef?: string;
    workflowRunId?: number;
    jobDisplayName?: string;
  };
}

export interface AutoscalingListener extends KubernetesObject {
  spec: { autoscalingRunnerSetNamespace?: string; autoscalingRunnerSetName?: string };
}

export const labels = {
  partOf: "app.kubernetes.io/part-of",
  component: "app.kubernetes.io/component",
  version: "app.kubernetes.io/version",
  scaleSetName: "actions.github.com/scale-set-name",
  scaleSetNamespace: "actions.github.com/scale-set-namespace",
  enterprise: "actions.github.com/enterprise",
  organization: "actions.github.com/organization",
  repository: "actions.github.com/repository",
  ephemeralRunner: "actions-ephemeral-runner",
  runnerPod: "runner-pod",
  /** Ours, on a namespace: Runlet may act here. Value "true". */
  managed: "runlet.dev/managed",
} as const;

export const annotations = {
  /** ARC's, without a prefix: the scale set's id at the service, on the AutoscalingRunnerSet. */
  scaleSetId: "runner-scale-set-id",
  runnerGroupName: "actions.github.com/runner-group-name",
  runnerScaleSetName: "actions.github.com/runner-scale-set-name",
  integrityHash: "actions.github.com/integrity-hash",
  /** On an EphemeralRunner: the set's spec.patchID when it was made. */
  patchId: "actions.github.com/patch-id",
  /** Ours, by the user, on an AutoscalingRunnerSet. */
  share: "runlet.dev/share",
  priority: "runlet.dev/priority",
  weight: "runlet.dev/weight",
  /** Ours, by the poller, on an EphemeralRunnerSet. `installation:n`; "0" when made. */
  fence: "runlet.dev/fence",
  statistics: "runlet.dev/statistics",
  /** Ours, by the reconciler, on an EphemeralRunnerSet. */
  actedPatchId: "runlet.dev/acted-patch-id",
  refused: "runlet.dev/refused",
  /** The breaker, while it is open: failures that hold new runners back. */
  breaker: "runlet.dev/breaker",
  /** No runner is made until the last one of the old template has gone. */
  draining: "runlet.dev/draining",
  /** Ours, by the reconciler, on an EphemeralRunnerSet: the version that has last noted something there. */
  reconciler: "runlet.dev/reconciler",
  /** Ours, by the reconciler, on an AutoscalingRunnerSet that is shared and being deleted: "true" or "false". */
  scaleSetKept: "runlet.dev/scale-set-kept",
  /** Ours, by the reconciler, on an AutoscalingRunnerSet: the scale set existed when this set was registered. */
  scaleSetFound: "runlet.dev/scale-set-found",
  /** Ours, by the reconciler, on an AutoscalingRunnerSet that is being deleted: ISO time since when the service refuses. */
  deletionRefused: "runlet.dev/deletion-refused-since",
} as const;

export const finalizers = {
  autoscalingRunnerSet: "autoscalingrunnerset.actions.github.com/finalizer",
  ephemeralRunnerSet: "ephemeralrunnerset.actions.github.com/finalizer",
  ephemeralRunner: "ephemeralrunner.actions.github.com/finalizer",
  runnerRegistration: "ephemeralrunner.actions.github.com/runner-registration-finalizer",
  cleanupProtection: "actions.github.com/cleanup-protection",
} as const;
