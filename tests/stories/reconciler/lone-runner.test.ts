import { describe, expect, it } from "vitest";
import { annotations } from "@runlet/kubernetes/resources";
import { createWorld, nothing } from "./reconciler-world.ts";

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

  it("costs at most nine calls to the cluster and two to the service a runner", async () => {
    const world = createWorld();
    await world.serve("builders");
    world.github.control.queueJobs({ scaleSet: "builders", durationMs: 5_000, count: 100 });
    world.kube.clearAuditLog();
    const before = world.github.control.requests().length;
    await world.order("builders", 100, 1);
    await world.clock.runFor(30_000);
    expect(world.leftovers()).toEqual(nothing);
    const ours = world.kube.auditLog().filter(({ userAgent, verb, plural }) => {
      const ofSet = plural === "ephemeralrunnersets" || plural === "autoscalingrunnersets";
      return userAgent === "runlet-reconciler" && verb !== "watch" && !ofSet;
    });
    const service = world.github.control
      .requests()
      .slice(before)
      .filter(({ route }) => route === "generateJitConfig" || route === "removeRunner");
    expect(ours.length / 100).toBeLessThanOrEqual(9);
    expect(service.length / 100).toBeLessThanOrEqual(2);
    const statusWrites = world.kube
      .auditLog()
      .filter(
        ({ plural, subresource }) => plural === "ephemeralrunnersets" && subresource === "status",
      );
    expect(statusWrites.length).toBeLessThanOrEqual(31);
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
