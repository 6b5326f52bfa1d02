import { describe, expect, it } from "vitest";
import { annotations } from "@runlet/kubernetes/resources";
import { createWorld, nothing, runnerSetManifest } from "./reconciler-world.ts";

/** What runners cost from the order to nothing left, each with a job of its own. */
async function countCalls(count: number, podSpec = "") {
  const world = createWorld();
  world.kube.applyManifests(runnerSetManifest("builders") + podSpec);
  const isServed = () => world.runnerSetOf("builders")?.status?.phase === "Running";
  await world.clock.runUntil(isServed, 5_000, "the set");
  await world.clock.runFor(1_000);
  world.github.control.queueJobs({ scaleSet: "builders", durationMs: 5_000, count });
  world.kube.clearAuditLog();
  const before = world.github.control.requests().length;
  const seconds = 30;
  await world.order("builders", count, 1);
  await world.clock.runFor(seconds * 1_000);
  expect(world.leftovers()).toEqual(nothing);
  const log = world.kube.auditLog();
  const sets = ["ephemeralrunnersets", "autoscalingrunnersets"];
  const calls = log.filter(({ userAgent, verb, plural }) => {
    return userAgent.startsWith("runlet-reconciler") && verb !== "watch" && !sets.includes(plural);
  });
  const service = world.github.control.requests().slice(before);
  return {
    calls: calls.length,
    service: service.filter(({ route }) => !route.startsWith("runner")).length,
    setStatusWrites: log.filter(({ plural, subresource }) => {
      return plural === "ephemeralrunnersets" && subresource === "status";
    }).length,
    seconds,
  };
}

describe("a scale set in one cluster", () => {
  it("is registered, scaled to one, runs its job and is empty again", async () => {
    const world = createWorld();
    await world.serve("builders");
    const [scaleSet] = world.github.control.scaleSets();
    expect(scaleSet?.name).toBe("builders");
    const [set] = world.autoscaling();
    expect(set?.metadata.annotations?.[annotations.scaleSetId]).toBe(String(scaleSet?.id));
    world.github.control.queueJobs({ scaleSet: "builders", durationMs: 2_000 });
    await world.order("builders", 1, 1);
    const isRunning = () => world.runners()[0]?.status?.phase === "Running";
    await world.clock.runUntil(isRunning, 2_000, "a running runner");
    expect(world.runners()[0]?.status?.runnerId).toBe(world.github.control.runners()[0]?.id);
    await world.clock.runFor(3_000);
    expect(world.github.control.ledger().counts).toMatchObject({ completed: 1, running: 0 });
    await world.clock.runFor(1_000);
    expect(world.leftovers()).toEqual(nothing);
    expect(world.runnerSetOf("builders")?.status).toMatchObject({ currentReplicas: 0 });
  });

  it("makes one runner for one order, however often the runner ends", async () => {
    const world = createWorld();
    await world.serve("builders");
    world.github.control.queueJobs({ scaleSet: "builders", durationMs: 500 });
    await world.order("builders", 1, 7);
    await world.clock.runFor(60_000);
    expect(world.leftovers()).toEqual(nothing);
    const registered = world.github.control
      .requests()
      .filter(({ route }) => route === "generateJitConfig");
    expect(registered).toHaveLength(1);
    await world.order("builders", 1, 8);
    await world.clock.runFor(5_000);
    expect(world.runners()).toHaveLength(1);
  });

  it.for([1, 500])(
    "costs at most nine calls to the cluster and two to the service a runner, as one of %i",
    { timeout: 90_000 },
    async (count) => {
      const { calls, service, setStatusWrites, seconds } = await countCalls(count);
      expect(calls / count).toBeLessThanOrEqual(9);
      expect(service / count).toBeLessThanOrEqual(2);
      expect(setStatusWrites).toBeLessThanOrEqual(seconds + 1);
    },
  );

  it("with Docker beside it costs no call more", async () => {
    const dind = "{ name: dind, image: 'docker:dind', restartPolicy: Always }";
    const { calls, service } = await countCalls(50, `      initContainers: [${dind}]\n`);
    expect(calls / 50).toBeLessThanOrEqual(9);
    expect(service / 50).toBeLessThanOrEqual(2);
  });

  it("writes nothing once it is settled", async () => {
    const world = createWorld();
    await world.serve("builders", "  minRunners: 2");
    await world.order("builders", 2, 0);
    await world.clock.runFor(60_000);
    expect(world.runners()).toHaveLength(2);
    const revision = world.kube.revision();
    await world.clock.runFor(5 * 60_000);
    expect(world.kube.revision()).toBe(revision);
    const writes = world.kube.auditLog().filter(({ atMs, verb }) => {
      return atMs >= 60_000 && !["watch", "get", "list"].includes(verb);
    });
    expect(writes).toEqual([]);
  });
});
