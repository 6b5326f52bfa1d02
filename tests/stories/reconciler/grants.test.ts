// Why: a role that grants more than is used is a risk, one that grants less is an outage. Every rule of the shipped role
// is used by this day, and the day fails without any one of them.
import { describe, expect, it } from "vitest";
import type { KubernetesObject, Resource } from "@runlet/kubernetes/client";
import { createWorld, namespace, runnerSetManifest, type World } from "./reconciler-world.ts";

interface Rule {
  apiGroups: string[];
  resources: string[];
  verbs: string[];
}

const clusterRoles: Resource = {
  group: "rbac.authorization.k8s.io",
  version: "v1",
  plural: "clusterroles",
  kind: "ClusterRole",
  namespaced: false,
};

const extras = `
apiVersion: v1
kind: ConfigMap
metadata: { name: ca, namespace: ${namespace} }
data: { ca.crt: certificate }
---
apiVersion: v1
kind: ServiceAccount
metadata: { name: protected, namespace: ${namespace}, finalizers: [actions.github.com/cleanup-protection] }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: protected, namespace: ${namespace}, finalizers: [actions.github.com/cleanup-protection] }
rules: []
`;

const cleanup =
  "actions.github.com/cleanup-manager-role-name: protected, " +
  "actions.github.com/cleanup-no-permission-service-account-name: protected";

const template =
  "  githubServerTLS: { certificateFrom: { configMapKeyRef: { name: ca, key: ca.crt } } }";

function roleRules(world: World): Rule[] {
  const role = world.kube
    .objects("rbac.authorization.k8s.io/v1", "ClusterRole")
    .find(({ metadata }) => metadata.name === "runlet-reconciler");
  // The simulator has validated it as a role.
  return (role?.["rules"] ?? []) as Rule[];
}

/** Everything that the reconciler is for; false as soon as a part of it does not come about. */
async function playWith(world: World): Promise<boolean> {
  const within = async (done: () => boolean, ms = 20_000) => {
    await world.clock.runFor(ms);
    return done();
  };
  const phaseOf = (name: string) =>
    world.autoscaling().find(({ metadata }) => metadata.name === name)?.status?.phase;
  world.kube.applyManifests(extras);
  const hooks =
    "command: [/home/runner/run.sh], env: [{ name: ACTIONS_RUNNER_CONTAINER_HOOKS, value: x }] }";
  world.kube.applyManifests(
    runnerSetManifest("builders", template, { annotations: cleanup }).replace(
      "command: [/home/runner/run.sh] }",
      hooks,
    ),
  );
  world.kube.applyManifests(listener);
  world.kube.applyManifests(runnerSetManifest("arcs", "  runnerScaleSetName: arcs"));
  world.start();
  if (!(await within(() => phaseOf("builders") === "Running"))) return false;
  if (world.runnerSetOf("arcs") !== undefined) return false;
  if (!world.events().some(({ reason }) => reason === "ServedByARC")) return false;
  world.github.control.queueJobs({ scaleSet: "builders", durationMs: 5_000 });
  await world.order("builders", 2, 1);
  if (!(await within(() => world.github.control.ledger().counts.completed === 1))) return false;
  if (!(world.runnerSetOf("builders")?.status?.currentReplicas === 1)) return false;
  await world.order("builders", 0, 0);
  if (!(await within(() => world.runners().length === 0))) return false;
  await world.deleteSet("builders");
  const left = () => world.kube.objects("v1", "ServiceAccount", namespace);
  if (!(await within(() => world.autoscaling().length === 1, 60_000))) return false;
  const roles = world.kube.objects("rbac.authorization.k8s.io/v1", "Role", namespace);
  return [...left(), ...roles].every(({ metadata }) => (metadata.finalizers ?? []).length === 0);
}

const listener = `
apiVersion: actions.github.com/v1alpha1
kind: AutoscalingListener
metadata: { name: arcs-listener, namespace: default }
spec: { autoscalingRunnerSetName: arcs, autoscalingRunnerSetNamespace: ${namespace} }
`;

/** Only an admission plug-in asks for it; tests/cluster/reconciler.test.ts runs with that plug-in. */
const isForPlugIn = (rule: Rule) => rule.resources.every((one) => one.endsWith("/finalizers"));

describe("the shipped role", () => {
  it("is enough for a whole day", async () => {
    const world = createWorld({ start: false });
    expect(await playWith(world)).toBe(true);
    const refused = world.kube.auditLog().filter(({ status }) => status === 403);
    expect(refused).toEqual([]);
  });

  const rules = roleRules(createWorld({ start: false }));
  for (const [index, rule] of rules.entries()) {
    if (isForPlugIn(rule)) continue;
    it(`without ${rule.verbs.join(", ")} of ${rule.resources.join(", ")} the day fails`, async () => {
      const world = createWorld({ start: false });
      const body: Record<string, unknown> = { rules: roleRules(world).toSpliced(index, 1) };
      await world.admin.patch<KubernetesObject>(
        clusterRoles,
        { name: "runlet-reconciler" },
        { type: "merge", body },
      );
      expect(await playWith(world)).toBe(false);
    });
  }
});
