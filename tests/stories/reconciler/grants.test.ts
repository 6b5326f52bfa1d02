// Why: a role that grants more than is used is a risk, one that grants less is an outage. Every rule of the shipped role
// is used by this day, and the day fails without any one of them.
import { describe, expect, it } from "vitest";
import type { KubernetesObject, Resource } from "@runlet/kubernetes/client";
import type { FaultEffect } from "@runlet/simulators/kube-api/faults";
import { autoscalingListeners as listeners } from "@runlet/kubernetes/resources";
import { corporateCa } from "./corporate-ca.ts";
import {
  applyNamespace,
  createWorld,
  namespace,
  runnerSetManifest,
  type World,
} from "./reconciler-world.ts";

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
data: { ca.crt: ${JSON.stringify(corporateCa)} }
---
apiVersion: v1
kind: ServiceAccount
metadata: { name: protected, namespace: ${namespace}, finalizers: [actions.github.com/cleanup-protection] }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: protected, namespace: ${namespace}, finalizers: [actions.github.com/cleanup-protection] }
rules: []
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: protected, namespace: ${namespace}, finalizers: [actions.github.com/cleanup-protection] }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: protected }
subjects: []
`;

const cleanup =
  "actions.github.com/cleanup-manager-role-name: protected, " +
  "actions.github.com/cleanup-manager-role-binding: protected, " +
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
  const isRunning = () => world.runners().some(({ status }) => status?.phase === "Running");
  if (!(await within(isRunning, 3_000))) return false;
  if (!(await within(() => world.github.control.ledger().counts.completed === 1))) return false;
  if (!(world.runnerSetOf("builders")?.status?.currentReplicas === 1)) return false;
  // News of namespaces and of ARC's listeners arrives by watch: within seconds.
  applyNamespace(world.kube, "later", false);
  world.kube.applyManifests(runnerSetManifest("late", "", { namespace: "later" }));
  await world.clock.runFor(1_000);
  applyNamespace(world.kube, "later", true);
  if (!(await within(() => phaseOf("late") === "Running", 3_000))) return false;
  world.kube.applyManifests(
    listener.replaceAll("arcs", "late").replace(`: ${namespace}`, ": later"),
  );
  const refusals = () => world.events().filter(({ reason }) => reason === "ServedByARC").length;
  if (!(await within(() => refusals() === 2, 3_000))) return false;
  await world.admin.remove(listeners, { namespace: "default", name: "late-listener" });
  await world.deleteSet("late", "later");
  await world.order("builders", 0, 0);
  if (!(await within(() => world.runners().length === 0))) return false;
  await world.deleteSet("builders");
  const left = () => world.kube.objects("v1", "ServiceAccount", namespace);
  if (!(await within(() => world.autoscaling().length === 1, 60_000))) return false;
  const roles = world.kube.objects("rbac.authorization.k8s.io/v1", "Role", namespace);
  const bindings = world.kube.objects("rbac.authorization.k8s.io/v1", "RoleBinding", namespace);
  return [...left(), ...roles, ...bindings].every(
    ({ metadata }) => (metadata.finalizers ?? []).length === 0,
  );
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
    for (const { resource, verb } of singleGrants(rule)) {
      if (forMishaps.includes(`${verb} ${resource}`)) continue;
      it(`without ${verb} of ${resource} the day fails`, async () => {
        const world = createWorld({ start: false });
        const all = roleRules(world);
        const body: Record<string, unknown> = {
          rules: all.toSpliced(index, 1, ...without(rule, { resource, verb })),
        };
        await world.admin.patch<KubernetesObject>(
          clusterRoles,
          { name: "runlet-reconciler" },
          { type: "merge", body },
        );
        expect(await playWith(world)).toBe(false);
      });
    }
  }
});

/** What only a mishap needs: the other way to the same end takes longer, so it is seen in the requests. */
const forMishaps = [
  "get ephemeralrunnersets",
  "get ephemeralrunners",
  "get pods",
  "patch secrets",
  "delete secrets",
];

describe("in a bad hour", () => {
  it("each of the grants for mishaps is used, and nothing is refused", async () => {
    const world = createWorld({
      scenario: () => ({ runner: { kind: "exits", exitCode: 1, afterMs: 100 } }),
    });
    const answers = (verb: string, plural: string, effect: FaultEffect) =>
      world.kube.addFault({ effect, verb, plural, times: 1, user: account });
    const conflict: FaultEffect = { kind: "status", status: 409 };
    const proxy = (host: string) => `  proxy: { https: { url: "http://${host}:3128" } }`;
    await world.serve("builders", proxy("one"));
    answers("create", "ephemeralrunners", { kind: "lost-answer" });
    answers("create", "secrets", { kind: "lost-answer" });
    answers("delete", "pods", conflict);
    await world.order("builders", 1, 1);
    await world.clock.runFor(60_000);
    world.kube.applyManifests(runnerSetManifest("builders", proxy("another")));
    await world.clock.runFor(5_000);
    await world.order("builders", 2, 2);
    await world.clock.runFor(60_000);
    await world.order("builders", 0, 0);
    answers("delete", "ephemeralrunnersets", conflict);
    await world.deleteSet("builders");
    await world.clock.runFor(120_000);
    expect(world.leftovers()).toEqual({ runners: [], pods: [], secrets: [], registrations: [] });
    const ours = world.kube.auditLog().filter(({ user }) => user === account);
    expect(ours.filter(({ status }) => status === 403)).toEqual([]);
    const used = new Set(ours.map(({ verb, plural }) => `${verb} ${plural}`));
    expect(forMishaps.filter((one) => !used.has(one))).toEqual([]);
  });
});

const account = "system:serviceaccount:default:runlet-reconciler";

interface Grant {
  resource: string;
  verb: string;
}

function singleGrants({ resources, verbs }: Rule): Grant[] {
  return resources.flatMap((resource) => verbs.map((verb) => ({ resource, verb })));
}

/** The rule's grants but one, as rules. */
function without({ apiGroups, resources, verbs }: Rule, { resource, verb }: Grant): Rule[] {
  return [
    { apiGroups, resources: resources.filter((one) => one !== resource), verbs },
    { apiGroups, resources: [resource], verbs: verbs.filter((one) => one !== verb) },
  ].filter((rule) => rule.resources.length > 0 && rule.verbs.length > 0);
}
