// Why: what a platform team applies to a cluster, made from a plan: the namespace, the accounts with exactly the
// shipped roles, the credential, and AutoscalingRunnerSets as ARC's users write them.
import { readFileSync } from "node:fs";
import { stringify } from "yaml";
import { annotations, labels } from "@runlet/kubernetes/resources";
import type { ScaleSetPlan } from "./plan-scenario.ts";

export const runnersNamespace = "runners";
export const systemNamespace = "runlet-system";
export const credentialSecret = "github";

const controlPlaneRole = new URL("../../control-plane/roles.yaml", import.meta.url);
const rulesFolder = new URL("../../reconciler/chart/rules/", import.meta.url);

const readText = (url: URL) => readFileSync(url, "utf8");

/** What the reconciler may do in the whole cluster, and in each namespace with runners: its chart's rules at once. */
function readReconcilerRole(): string {
  const parts = ["cluster", "namespaces", "runners"];
  const rules = parts.map((name) => readText(new URL(`${name}.yaml`, rulesFolder)));
  return `apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: runlet-reconciler }
rules:
${rules.join("")}`;
}

const roles = {
  "runlet-reconciler": readReconcilerRole,
  "runlet-control-plane": () => readText(controlPlaneRole),
} as const;

/** The text of a shipped role. */
export function readRole(name: keyof typeof roles): string {
  return roles[name]();
}

/** Namespaces, service accounts and bindings; the roles come as their files are. */
export function accessManifests(): string {
  const accounts = Object.keys(roles).flatMap((name) => [
    {
      apiVersion: "v1",
      kind: "ServiceAccount",
      metadata: { name, namespace: systemNamespace },
    },
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRoleBinding",
      metadata: { name },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name },
      subjects: [{ kind: "ServiceAccount", name, namespace: systemNamespace }],
    },
  ]);
  const namespace = (name: string, managed: boolean) => ({
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name, ...(managed && { labels: { [labels.managed]: "true" } }) },
  });
  return toYaml([
    namespace(systemNamespace, false),
    namespace(runnersNamespace, true),
    ...accounts,
  ]);
}

/** The secret that `githubConfigSecret` names, with a PAT. */
export function credentialManifest(pat: string): string {
  return toYaml([
    {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: credentialSecret, namespace: runnersNamespace },
      stringData: { github_token: pat },
    },
  ]);
}

/** One AutoscalingRunnerSet. */
export function runnerSetManifest(plan: ScaleSetPlan, configUrl: string): string {
  const shared = plan.clusters.length > 1;
  return toYaml([
    {
      apiVersion: "actions.github.com/v1alpha1",
      kind: "AutoscalingRunnerSet",
      metadata: {
        name: plan.name,
        namespace: runnersNamespace,
        ...(shared && { annotations: { [annotations.share]: "true" } }),
      },
      spec: {
        githubConfigUrl: configUrl,
        githubConfigSecret: credentialSecret,
        minRunners: plan.minRunners,
        maxRunners: plan.maxRunners,
        template: {
          spec: {
            restartPolicy: "Never",
            containers: [
              {
                name: "runner",
                image: "ghcr.io/actions/actions-runner:latest",
                command: ["/home/runner/run.sh"],
              },
            ],
          },
        },
      },
    },
  ]);
}

function toYaml(objects: unknown[]): string {
  return objects.map((object) => stringify(object)).join("---\n");
}
