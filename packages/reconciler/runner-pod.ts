// Why: a runner's pod is the user's template with exactly these additions (ARC 0.14.2,
// controllers/actions.github.com/resourcebuilder.go, newEphemeralRunnerPod): labels, the owner, and a few
// variables of the container "runner". Everything else of the template stays as the user wrote it.
import { autoscalingRunnerSets, labels, type EphemeralRunner } from "@runlet/kubernetes/resources";
import type { OwnerReference } from "@runlet/kubernetes/client";
import { contentHash } from "./hash.ts";
import { plain, runnerContainer, type Pod, type Secret } from "./pod.ts";

/** Keys of the runner's Secret, as ARC names them. */
export const jitSecretKeys = {
  token: "jitToken",
  runnerName: "runnerName",
  runnerId: "runnerId",
  scaleSetId: "scaleSetId",
} as const;

type PodSpec = NonNullable<Pod["spec"]>;
type Container = PodSpec["containers"][number];
type EnvVar = NonNullable<Container["env"]>[number];

/** The pod of a runner; its JIT config is in the Secret of the same name. */
export function runnerPod(runner: EphemeralRunner, version: string): Pod {
  const template = runner.spec;
  const env = runnerEnv(runner, version);
  const containers = (template.spec?.containers ?? []).map((container) =>
    container.name === runnerContainer
      ? { ...plain(container), env: [...(container.env ?? []), ...env] }
      : container,
  );
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: runner.metadata.name,
      namespace: runner.metadata.namespace ?? "",
      labels: {
        ...runner.metadata.labels,
        ...template.metadata?.labels,
        [labels.ephemeralRunner]: "True",
        "pod-template-hash": contentHash(template),
      },
      annotations: { ...runner.metadata.annotations, ...template.metadata?.annotations },
      ownerReferences: [ownedBy(runner, "EphemeralRunner")],
    },
    // A used JIT config is worthless, so a container that ended must not be started again. ARC leaves
    // an unset policy to the cluster (Always); its chart sets Never, and so do we for a set without it.
    spec: {
      ...plain(template.spec ?? { containers }),
      restartPolicy: template.spec?.restartPolicy ?? "Never",
      containers,
    },
  };
}

function runnerEnv(runner: EphemeralRunner, version: string): EnvVar[] {
  const env: EnvVar[] = [
    fromSecret("ACTIONS_RUNNER_INPUT_JITCONFIG", runner.metadata.name, jitSecretKeys.token),
    { name: "GITHUB_ACTIONS_RUNNER_EXTRA_USER_AGENT", value: `runlet/${version}` },
    // Makes a runner that GitHub no longer supports end with exit code 7.
    { name: "ACTIONS_RUNNER_RETURN_VERSION_DEPRECATED_EXIT_CODE", value: "1" },
  ];
  const { proxy, proxySecretRef } = runner.spec;
  if (proxy === undefined || proxySecretRef === undefined) return env;
  if (proxy.http) env.push(fromSecret("http_proxy", proxySecretRef, "http_proxy"));
  if (proxy.https) env.push(fromSecret("https_proxy", proxySecretRef, "https_proxy"));
  if (proxy.noProxy?.length) env.push(fromSecret("no_proxy", proxySecretRef, "no_proxy"));
  return env;
}

function fromSecret(name: string, secret: string, key: string): EnvVar {
  return { name, valueFrom: { secretKeyRef: { name: secret, key } } };
}

/** The Secret that carries a registration to its pod. ARC's labels stay off it, as in ARC. */
export function jitSecret(
  runner: EphemeralRunner,
  jit: { encoded: string; runner: { id: number; name: string } },
): Secret {
  const meta = runner.spec.ephemeralRunnerConfigSecretMetadata;
  const text: Record<string, string> = {
    [jitSecretKeys.token]: jit.encoded,
    [jitSecretKeys.runnerName]: jit.runner.name,
    [jitSecretKeys.runnerId]: String(jit.runner.id),
    [jitSecretKeys.scaleSetId]: String(runner.spec.runnerScaleSetId),
  };
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: {
      name: runner.metadata.name,
      namespace: runner.metadata.namespace ?? "",
      ...(meta?.labels ? { labels: meta.labels } : {}),
      ...(meta?.annotations ? { annotations: meta.annotations } : {}),
      ownerReferences: [ownedBy(runner, "EphemeralRunner")],
    },
    data: Object.fromEntries(
      Object.entries(text).map(([key, value]) => [key, Buffer.from(value).toString("base64")]),
    ),
  };
}

/** The runner id that a Secret carries; undefined when it is none of ours. */
export function runnerIdOf(secret: Secret): number | undefined {
  const text = Buffer.from(secret.data?.[jitSecretKeys.runnerId] ?? "", "base64").toString();
  return /^[1-9]\d{0,15}$/.test(text) ? Number(text) : undefined;
}

/** Where jobs are checked out: the working directory of the container "runner", "" when it has none. */
export function workFolderOf(runner: EphemeralRunner): string {
  const container = runner.spec.spec?.containers.find((one) => one.name === runnerContainer);
  return container?.workingDir ?? "";
}

/** Container hooks leave pods and Secrets of their own behind, labelled with the runner's name. */
export function usesContainerHooks(runner: EphemeralRunner): boolean {
  const container = runner.spec.spec?.containers.find((one) => one.name === runnerContainer);
  return container?.env?.some((env) => env.name === "ACTIONS_RUNNER_CONTAINER_HOOKS") ?? false;
}

/** A controlling reference, as ARC sets it on each of its children. */
export function ownedBy(
  owner: { metadata: { name: string; uid?: string } },
  kind: string,
): OwnerReference {
  return {
    apiVersion: `${autoscalingRunnerSets.group}/${autoscalingRunnerSets.version}`,
    kind,
    name: owner.metadata.name,
    uid: owner.metadata.uid ?? "",
    controller: true,
    blockOwnerDeletion: true,
  };
}
