// Design: a killed process does not throw; its calls never settle again. The reconciler is struck just before and just
// after each of its effects in turn; a fresh one must finish the work and leave nothing over.
import { describe, expect, it } from "vitest";
import {
  ephemeralRunners,
  ephemeralRunnerSets,
  finalizers,
  secrets,
} from "@runlet/kubernetes/resources";
import type { EffectPoint, Lifeline } from "@runlet/runlet/world/lifeline";
import type { PodPlan, Scenario } from "@runlet/simulators/kubelet/scenario";
import {
  createWorld,
  namespace,
  nothing,
  pat,
  runnerSetManifest,
  type ReconcilerPorts,
  type World,
  type WorldOptions,
} from "./reconciler-world.ts";

type Strike = (point: EffectPoint, life: Lifeline<ReconcilerPorts>) => void;

/** From an empty cluster to an empty cluster: two runners, one job, one idle runner taken back, deletion. */
async function playDay(world: World) {
  world.kube.applyManifests(runnerSetManifest("builders"));
  const isServed = () => world.runnerSetOf("builders") !== undefined;
  await world.clock.runUntil(isServed, 30_000, "the runner set");
  world.github.control.queueJobs({ scaleSet: "builders", durationMs: 4_000 });
  await world.order("builders", 2, 1);
  const areRunning = () =>
    world.github.control.runners().filter(({ state }) => state !== "offline").length === 2;
  await world.clock.runUntil(areRunning, 60_000, "two runners at work");
  const isDone = () => world.github.control.ledger().counts.completed === 1;
  await world.clock.runUntil(isDone, 60_000, "the job");
  await world.order("builders", 0, 0);
  const isEmpty = () => world.runners().length === 0;
  await world.clock.runUntil(isEmpty, 90_000, "no runners");
  await world.deleteSet("builders");
  const isGone = () => world.autoscaling().length === 0;
  await world.clock.runUntil(isGone, 60_000, "no set");
  await world.clock.runFor(1_000);
}

/** Two pods fail, an answer of the service is lost, a busy runner is deleted, a job's own pod is left behind. */
async function playBadDay(world: World) {
  const hooks = "env: [{ name: ACTIONS_RUNNER_CONTAINER_HOOKS, value: x }] }";
  const manifest = runnerSetManifest("builders").replace(/ }\n$/m, `, ${hooks}\n`);
  world.kube.applyManifests(manifest);
  const isServed = () => world.runnerSetOf("builders") !== undefined;
  await world.clock.runUntil(isServed, 30_000, "the runner set");
  world.github.control.addFault({ route: "generateJitConfig", drop: "after" });
  world.github.control.queueJobs({ scaleSet: "builders", durationMs: 15_000 });
  await world.order("builders", 2, 1);
  const busy = () => world.github.control.runners().find(({ state }) => state === "busy");
  await world.clock.runUntil(() => busy() !== undefined, 120_000, "a job that runs");
  const name = busy()?.name ?? "";
  world.kube.applyManifests(jobPod(name));
  await world.admin.remove(ephemeralRunners, { namespace, name });
  const isDone = () => world.github.control.ledger().counts.completed === 1;
  await world.clock.runUntil(isDone, 60_000, "the job");
  await world.deleteSet("builders");
  const isGone = () => world.autoscaling().length === 0;
  await world.clock.runUntil(isGone, 120_000, "no set");
  await world.clock.runFor(1_000);
}

/** Name, group and template change, with a proxy, under update strategy eventual; ARC has left a runner set behind. */
async function playChangingDay(world: World) {
  world.kube.applyManifests(`
apiVersion: v1
kind: Secret
metadata: { name: proxy-user, namespace: ${namespace} }
data: { username: bWU=, password: bWU= }
`);
  const proxy = "  proxy: { https: { url: http://proxy:3128, credentialSecretRef: proxy-user } }\n";
  world.kube.applyManifests(runnerSetManifest("builders", proxy));
  const isServed = () => world.runnerSetOf("builders") !== undefined;
  await world.clock.runUntil(isServed, 30_000, "the runner set");
  world.github.control.queueJobs({ scaleSet: "builders", durationMs: 10_000 });
  await world.order("builders", 2, 1);
  const areRunning = () =>
    world.github.control.runners().filter(({ state }) => state !== "offline").length === 2;
  await world.clock.runUntil(areRunning, 60_000, "two runners at work");
  await leaveOlderSet(world);
  const renamed = `${proxy}  runnerScaleSetName: makers\n  runnerGroup: fast\n`;
  const changed = runnerSetManifest("builders", renamed).replace("runner:latest", "runner:new");
  world.kube.applyManifests(changed);
  const isChanged = () => {
    const [set, other] = world.github.control.scaleSets();
    const isRenamed = set?.name === "makers" && set.runnerGroupId === 2 && other === undefined;
    const image =
      world.runnerSetOf("builders")?.spec.ephemeralRunnerSpec?.spec?.containers[0]?.image;
    return isRenamed && image?.endsWith(":new") === true && world.runnerSets().length === 1;
  };
  await world.clock.runUntil(isChanged, 120_000, "the change");
  const isDone = () => world.github.control.ledger().counts.completed === 1;
  await world.clock.runUntil(isDone, 60_000, "the job");
  await world.clock.runUntil(areRunning, 60_000, "two runners of the new template");
  await world.deleteSet("builders");
  const isGone = () => world.autoscaling().length === 0;
  await world.clock.runUntil(isGone, 120_000, "no set");
  await world.clock.runFor(1_000);
}

/** Under a generated name, with the finalizer of ARC 0.14. */
async function leaveOlderSet(world: World) {
  const [own] = world.runnerSets();
  if (!own) throw new Error("nothing is served");
  const { labels = {}, ownerReferences = [] } = own.metadata;
  const metadata = { name: "builders-x7k2p", namespace, labels, ownerReferences };
  await world.admin.create(ephemeralRunnerSets, {
    ...own,
    metadata: { ...metadata, finalizers: [finalizers.ephemeralRunner] },
    spec: { ...own.spec, replicas: 1, patchID: 0 },
  });
}

const jobPod = (runner: string) => `
apiVersion: v1
kind: Pod
metadata: { name: job, namespace: ${namespace}, labels: { runner-pod: ${runner} } }
spec: { containers: [{ name: job, image: node }] }
`;

/** A version that GitHub refuses, a pod that the cluster refuses, a token that is revoked, a scale set that is kept. */
async function playFailingDay(world: World) {
  const phaseIs = (phase: string) => () => world.runners()[0]?.status?.phase === phase;
  world.kube.applyManifests(protectedRole);
  const manifest = runnerSetManifest("builders", "", { annotations: cleanup });
  world.kube.applyManifests(manifest.replace("runner:latest", "runner:old"));
  const isServed = () => world.runnerSetOf("builders") !== undefined;
  await world.clock.runUntil(isServed, 30_000, "the runner set");
  await world.order("builders", 1, 1);
  await world.clock.runUntil(phaseIs("Outdated"), 60_000, "an outdated runner");
  const denial = { kind: "status", status: 422, message: "denied by policy" } as const;
  world.kube.setFaults([{ user, verb: "create", plural: "pods", effect: denial }]);
  world.kube.applyManifests(manifest);
  await world.clock.runFor(2_000);
  await world.order("builders", 1, 2);
  await world.clock.runUntil(phaseIs("Failed"), 60_000, "a failed runner");
  world.kube.setFaults([]);
  world.github.control.queueJobs({ scaleSet: "builders", durationMs: 1_000 });
  await world.clock.runUntil(() => world.runners().length === 0, 60_000, "room");
  await world.order("builders", 1, 3);
  const isDone = () => world.github.control.ledger().counts.completed === 1;
  await world.clock.runUntil(isDone, 60_000, "the job");
  await world.clock.runUntil(() => world.runners().length === 0, 60_000, "its runner to go");
  await world.order("builders", 1, 4);
  const isIdle = () => world.github.control.runners()[0]?.state === "idle";
  await world.clock.runUntil(isIdle, 60_000, "an idle runner");
  await playRefusedDeletion(world);
}

async function playRefusedDeletion(world: World) {
  await writeToken(world, "ghp_revoked");
  world.github.control.expireAdminTokens();
  world.github.control.addFault({ route: "deleteScaleSet", status: 503, times: 2 });
  await world.deleteSet("builders");
  const isSaid = () => world.runners()[0]?.status?.reason === "RemovalUnanswered";
  await world.clock.runUntil(isSaid, 60_000, "the runner to say why it stays");
  await writeToken(world, pat);
  const isGone = () => world.autoscaling().length === 0;
  // A refused admin token is renewed three times in 90 s at most, and a pass waits a minute at most.
  await world.clock.runUntil(isGone, 180_000, "no set");
  await world.clock.runFor(1_000);
  const [role] = world.kube.objects("rbac.authorization.k8s.io/v1", "Role", namespace);
  expect(role?.metadata.finalizers ?? []).toEqual([]);
}

const user = "system:serviceaccount:default:runlet-reconciler";
const cleanup = "actions.github.com/cleanup-manager-role-name: protected";
const protectedRole = `
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: protected, namespace: ${namespace}, finalizers: [actions.github.com/cleanup-protection] }
rules: []
`;

function writeToken(world: World, token: string) {
  const data = { github_token: Buffer.from(token).toString("base64") };
  const key = { namespace, name: "github-secret" };
  return world.admin.patch(secrets, key, { type: "merge", body: { data } });
}

/** Its first image is of a version that GitHub refuses. */
function failingScenario(): Scenario {
  return ({ spec }) =>
    spec?.containers?.[0]?.image?.endsWith(":old")
      ? { runner: { kind: "exits", exitCode: 7, afterMs: 100 } }
      : {};
}

/** The first two pods, whichever runner's they are. */
function badScenario(): Scenario {
  const first: Partial<PodPlan>[] = [
    { runner: { kind: "exits", exitCode: 1, afterMs: 100 } },
    { refusedBy: { reason: "OutOfcpu", message: "no cpu" } },
  ];
  return () => first.shift() ?? {};
}

interface Day {
  play(world: World): Promise<void>;
  scenario?: () => Scenario;
  options?: WorldOptions;
}

/** Plays the day with one reconciler that `strike` may kill; then another one is started at once. */
async function playWithKill(day: Day, strike: Strike) {
  const scenario = day.scenario ? { scenario: day.scenario() } : {};
  const world = createWorld({ start: false, ...scenario, ...day.options });
  let isStruck = false;
  /** Calls tried in the very turn of the kill: they were on their way, and never happened. */
  let inThatTurn = 0;
  const first = world.start((point, life) => {
    strike(point, life);
    if (life.state() !== "dead" || isStruck) return;
    isStruck = true;
    world.clock.after(1, () => void (inThatTurn = life.afterDeath.length));
    world.clock.after(500, () => world.start());
  });
  await day.play(world);
  return { world, isStruck, afterDeath: first.life.afterDeath.slice(inThatTurn) };
}

async function countEffects(day: Day): Promise<string[]> {
  const effects: string[] = [];
  await playWithKill(day, ({ phase, what }) => phase === "before" && effects.push(what));
  return effects;
}

const changing: WorldOptions = {
  knobs: { runnerGroups: ["Default", "fast"] },
  reconciler: { updateStrategy: "eventual" },
};

/** The same waits as always, in seconds. */
const failing: WorldOptions = {
  reconciler: {
    settings: {
      breakerOpensAfter: 1,
      breaker: { baseMs: 2_000, capMs: 8_000 },
      failedShown: { baseMs: 4_000, capMs: 4_000 },
      unansweredShownMs: 1_000,
    },
  },
};

const days: [string, Day][] = [
  ["a day", { play: playDay }],
  ["a bad day", { play: playBadDay, scenario: badScenario }],
  ["a day of changes", { play: playChangingDay, options: changing }],
  ["a day of failures", { play: playFailingDay, scenario: failingScenario, options: failing }],
];

describe("the reconciler killed at every line", () => {
  const cases = days.flatMap(([name, day]) =>
    (["before", "after"] as const).map((phase) => ({ name, day, phase })),
  );
  it.for(cases)(
    "of $name, just $phase each effect: a fresh one finishes, nothing is left over",
    { timeout: 240_000 },
    async ({ day, phase }) => {
      const effects = await countEffects(day);
      expect(effects.length).toBeGreaterThan(40);
      for (const [index, what] of effects.entries()) {
        const { world, isStruck, afterDeath } = await playWithKill(day, (point, life) => {
          if (point.index === index && point.phase === phase) life.kill();
        });
        const where = `${phase} effect ${index}: ${what}`;
        expect(isStruck, where).toBe(true);
        expect(afterDeath, where).toEqual([]);
        expect(world.leftovers(), where).toEqual(nothing);
        expect(world.runnerSets(), where).toEqual([]);
        expect(world.github.control.scaleSets(), where).toEqual([]);
        expect(world.github.control.ledger().counts, where).toMatchObject({ completed: 1 });
        const refusedTwice = world.github.control
          .requests()
          .filter(({ route, status }) => route === "runnerConnect" && status !== 200);
        expect(refusedTwice, `${where}: a JIT config was used twice`).toEqual([]);
      }
    },
  );
});
