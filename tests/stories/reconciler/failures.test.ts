import { describe, expect, it } from "vitest";
import { annotations, pods } from "@runlet/kubernetes/resources";
import { parseRefused } from "@runlet/reconciler/controllers/ephemeral-runner-set/write-back";
import type { PodPlan } from "@runlet/simulators/kubelet/scenario";
import {
  createWorld,
  namespace,
  nothing,
  runnerSetManifest,
  type World,
} from "./reconciler-world.ts";

const quota = (hard: number) => `
apiVersion: v1
kind: ResourceQuota
metadata: { name: few-pods, namespace: ${namespace} }
spec: { hard: { pods: "${hard}" } }
`;

function registrations(world: World): number {
  return world.github.control.requests().filter(({ route }) => route === "generateJitConfig")
    .length;
}

/** Every JIT config that a simulated runner connected with. */
function connections(world: World): number {
  return world.github.control.requests().filter(({ route, status }) => {
    return route === "runnerConnect" && status === 200;
  }).length;
}

async function serveOne(plan: Partial<PodPlan>[]) {
  let pod = 0;
  const scenario = () => plan[Math.min(pod++, plan.length - 1)] ?? {};
  const world = createWorld({ scenario });
  await world.serve("builders");
  await world.order("builders", 1, 1);
  return world;
}

const dies: Partial<PodPlan> = { runner: { kind: "exits", exitCode: 1, afterMs: 100 } };
const works: Partial<PodPlan> = { runner: { kind: "works" } };

describe("a pod that fails before its runner has a job", () => {
  const ways: [string, Partial<PodPlan>][] = [
    ["the runner ends with exit code 1", dies],
    [
      "the runner dies after it has connected",
      { runner: { kind: "dies-before-job", afterMs: 100, exitCode: 1 } },
    ],
    ["the node refuses it", { refusedBy: { reason: "OutOfcpu", message: "no cpu" } }],
  ];
  for (const [how, plan] of ways) {
    it(`${how}: counted, and tried again with a registration of its own`, async () => {
      const world = await serveOne([plan, works]);
      const isRunning = () =>
        world.runners()[0]?.status?.phase === "Running" && registrations(world) > 1;
      await world.clock.runUntil(isRunning, 15_000, "the second pod");
      const [runner] = world.runners();
      expect(Object.keys(runner?.status?.failures ?? {})).toHaveLength(1);
      expect(world.github.control.runners()).toHaveLength(1);
      expect(runner?.status?.runnerId).toBe(world.github.control.runners()[0]?.id);
    });
  }

  it("is tried five times, ever slower, then shown as Failed, then makes room", async () => {
    const world = await serveOne([dies]);
    await world.clock.runFor(120_000);
    expect(world.runners()[0]?.status?.phase).not.toBe("Failed");
    const isFailed = () => world.runners()[0]?.status?.phase === "Failed";
    await world.clock.runUntil(isFailed, 120_000, "phase Failed");
    expect(registrations(world)).toBe(6);
    expect(world.runners()[0]?.status?.reason).toBe("TooManyPodFailures");
    await world.clock.runFor(2_000);
    expect(world.runnerSetOf("builders")?.status?.failedEphemeralRunners).toBe(1);
    await world.clock.runFor(15 * 60_000);
    expect(world.leftovers()).toEqual(nothing);
  });

  it("with every pod failing, runners are made ever more rarely, and it is told as refused", async () => {
    const world = createWorld({ scenario: () => dies });
    await world.serve("builders");
    const perHalfHour: number[] = [];
    for (let minute = 0; minute < 120; minute++) {
      const before = minute % 30 === 0 ? registrations(world) : 0;
      if (minute % 30 === 0) perHalfHour.push(-before);
      await world.order("builders", 10, minute + 1);
      await world.clock.runFor(60_000);
      if (minute % 30 === 29) perHalfHour.push((perHalfHour.pop() ?? 0) + registrations(world));
    }
    // Ten runners with six pods each, and a few that were tried afterwards; later two or three an hour.
    expect(perHalfHour[0]).toBeLessThan(60 + 45);
    expect(perHalfHour.slice(2).every((count) => count <= 18)).toBe(true);
    const refused = parseRefused(
      world.runnerSetOf("builders")?.metadata.annotations?.[annotations.refused],
    );
    expect(refused?.count).toBeGreaterThan(0);
    expect(Date.parse(refused?.since ?? "")).toBeGreaterThan(0);
  });

  it("with every pod failing and a restart every five minutes, hardly more runners are made than without", async () => {
    const world = createWorld({ scenario: () => dies });
    await world.serve("builders");
    let patchId = 0;
    let running = world.first;
    const halfAnHour = async (restarts: boolean) => {
      const before = registrations(world);
      for (let minute = 0; minute < 30; minute++) {
        await world.order("builders", 12, ++patchId);
        await world.clock.runFor(60_000);
        if (!restarts || minute % 5 !== 4) continue;
        await running?.stop();
        running = world.start();
      }
      return registrations(world) - before;
    };
    await halfAnHour(false);
    const quiet = await halfAnHour(false);
    const restarted = await halfAnHour(true);
    expect(quiet).toBeGreaterThan(0);
    expect(restarted).toBeLessThanOrEqual(quiet + 6);
  });

  it("makes runners again within seconds when its template is changed, whatever has failed before", async () => {
    let broken = true;
    const world = createWorld({ scenario: () => (broken ? dies : works) });
    await world.serve("builders");
    for (let patchId = 1; patchId <= 60; patchId++) {
      await world.order("builders", 3, patchId);
      await world.clock.runFor(60_000);
    }
    broken = false;
    world.kube.applyManifests(
      runnerSetManifest("builders").replace("runner:latest", "runner:good"),
    );
    await world.clock.runFor(2_000);
    await world.order("builders", 6, 61);
    await world.clock.runFor(10_000);
    expect(world.runnerSetOf("builders")?.status?.runningEphemeralRunners).toBeGreaterThanOrEqual(
      3,
    );
    expect(
      world.runnerSetOf("builders")?.metadata.annotations?.[annotations.breaker],
    ).toBeUndefined();
  });

  it("heals by itself when pods work again", async () => {
    let broken = true;
    const world = createWorld({ scenario: () => (broken ? dies : works) });
    await world.serve("builders");
    await world.order("builders", 5, 1);
    await world.clock.runFor(10 * 60_000);
    broken = false;
    for (let patchId = 2; patchId < 40; patchId++) {
      world.github.control.queueJobs({ scaleSet: "builders", durationMs: 1_000 });
      await world.order("builders", 5, patchId);
      await world.clock.runFor(60_000);
    }
    await world.order("builders", 5, 40);
    await world.clock.runFor(60_000);
    const set = world.runnerSetOf("builders");
    expect(set?.status).toMatchObject({ runningEphemeralRunners: 5, failedEphemeralRunners: 0 });
    expect(set?.metadata.annotations?.[annotations.refused]).toBeUndefined();
  });
});

describe("a pod that ends with a job", () => {
  it("killed for memory: the runner is over, the job is GitHub's to judge, nothing is left", async () => {
    const world = await serveOne([
      { runner: { kind: "dies-with-job", afterMs: 1_000, exitCode: 137, outOfMemory: true } },
    ]);
    world.github.control.queueJobs({ scaleSet: "builders", durationMs: 5_000 });
    await world.clock.runFor(2_000);
    await world.tellJobs();
    await world.clock.runFor(20 * 60_000);
    expect(registrations(world)).toBe(1);
    expect(world.leftovers()).toEqual(nothing);
  });

  it("the pod is deleted by somebody: no second pod with the used JIT config", async () => {
    const world = await serveOne([works]);
    await world.clock.runFor(3_000);
    expect(connections(world)).toBe(1);
    const name = world.pods()[0]?.metadata.name ?? "";
    await world.admin.remove(pods, { namespace, name });
    await world.clock.runFor(120_000);
    expect(connections(world)).toBe(1);
    expect(registrations(world)).toBe(1);
    expect(world.leftovers()).toEqual(nothing);
  });

  it("is evicted before a job: counted and tried again", async () => {
    const world = await serveOne([works]);
    await world.clock.runFor(3_000);
    const name = world.pods()[0]?.metadata.name ?? "";
    world.kubelet.faults.evict({ namespace, name });
    await world.clock.runFor(1_000);
    expect(Object.keys(world.runners()[0]?.status?.failures ?? {})).toHaveLength(1);
    await world.clock.runFor(30_000);
    expect(world.runners()[0]?.status?.phase).toBe("Running");
  });
});

describe("a node that is lost", () => {
  it("its idle runner ends when the pod is given up, and its registration goes", async () => {
    const world = await serveOne([works]);
    await world.clock.runFor(3_000);
    world.kubelet.faults.loseNode("node-1");
    // 340 s until the node's pods are deleted, 30 s of grace, a minute of ours.
    await world.clock.runFor(450_000);
    expect(world.runners()).toEqual([]);
    expect(world.github.control.runners()).toEqual([]);
    // The pod itself waits for its node, or for Kubernetes' own collection.
    expect(world.pods()).toHaveLength(1);
  });

  it("its busy runner is kept until the service gives the job up", async () => {
    const world = createWorld({ knobs: { jobLapseMs: 900_000 } });
    await world.serve("builders");
    world.github.control.queueJobs({ scaleSet: "builders", durationMs: 3_600_000 });
    await world.order("builders", 1, 1);
    await world.clock.runFor(3_000);
    world.kubelet.faults.loseNode("node-1");
    await world.clock.runFor(600_000);
    expect(world.github.control.runners()).toHaveLength(1);
    expect(world.runners()).toHaveLength(1);
    await world.clock.runFor(400_000);
    expect(world.runners()).toEqual([]);
    expect(world.github.control.runners()).toEqual([]);
  });
});

describe("a cluster that does not take the pod", () => {
  it("quota: a slow retry with the same registration, told as refused, then a runner", async () => {
    const world = createWorld();
    world.kube.applyManifests(quota(1));
    await world.serve("builders");
    await world.order("builders", 3, 1);
    await world.clock.runFor(95_000);
    expect(world.pods()).toHaveLength(1);
    expect(registrations(world)).toBe(3);
    const posts = world.kube
      .auditLog()
      .filter(({ verb, plural }) => verb === "create" && plural === "pods");
    expect(
      posts.filter(({ userAgent }) => userAgent === "runlet-reconciler").length,
    ).toBeLessThanOrEqual(9);
    const text = () => world.runnerSetOf("builders")?.metadata.annotations?.[annotations.refused];
    expect(parseRefused(text())?.count).toBe(2);
    // Whoever adds up alive and refused runners counts each once.
    expect(world.runnerSetOf("builders")?.status).toMatchObject({
      currentReplicas: 3,
      pendingEphemeralRunners: 0,
      runningEphemeralRunners: 1,
    });
    world.kube.applyManifests(quota(5));
    await world.clock.runFor(35_000);
    expect(world.pods()).toHaveLength(3);
    expect(registrations(world)).toBe(3);
    expect(text()).toBeUndefined();
  });

  it("quota for ever: such a runner makes way after ten minutes and leaves no registration", async () => {
    const world = createWorld();
    world.kube.applyManifests(quota(0));
    await world.serve("builders");
    await world.order("builders", 2, 1);
    await world.clock.runFor(12 * 60_000);
    expect(world.leftovers()).toEqual(nothing);
  });

  it("an invalid pod: Failed at once with the words of the API server, no registration left", async () => {
    const world = createWorld();
    const template =
      "  template: { spec: { containers: [{ name: runner, image: x }, { name: BAD_NAME, image: x }] } }";
    world.kube.applyManifests(
      runnerSetManifest("builders").replace(/ {2}template:[\s\S]*$/, `${template}\n`),
    );
    await world.clock.runFor(3_000);
    await world.order("builders", 2, 1);
    await world.clock.runFor(3_000);
    expect(world.runners().map(({ status }) => status?.reason)).toEqual([
      "InvalidPod",
      "InvalidPod",
    ]);
    expect(world.github.control.runners()).toEqual([]);
    expect(world.events().map(({ reason }) => reason)).toContain("InvalidPod");
    expect(registrations(world)).toBe(2);
  });
});

describe("a runner version that GitHub no longer takes", () => {
  it("stops the set until its template changes", async () => {
    const world = await serveOne([{ runner: { kind: "exits", exitCode: 7, afterMs: 100 } }, works]);
    await world.clock.runFor(10_000);
    expect(world.runnerSetOf("builders")?.status?.phase).toBe("Outdated");
    expect(world.autoscaling()[0]?.status?.phase).toBe("Outdated");
    expect(world.events().map(({ reason }) => reason)).toContain("RunnerVersionOutdated");
    await world.order("builders", 3, 2);
    await world.clock.runFor(60_000);
    expect(registrations(world)).toBe(1);
    world.kube.applyManifests(runnerSetManifest("builders").replace("runner:latest", "runner:new"));
    await world.clock.runFor(5_000);
    expect(world.runnerSetOf("builders")?.status?.phase).toBe("Running");
    await world.order("builders", 3, 3);
    await world.clock.runFor(5_000);
    expect(world.runnerSetOf("builders")?.status?.runningEphemeralRunners).toBe(3);
  });
});
