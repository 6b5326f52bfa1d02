import { describe, expect, it } from "vitest";
import { annotations } from "@runlet/kubernetes/resources";
import { createWorld, nothing, runnerSetManifest } from "./reconciler-world.ts";

describe("answers that get lost", () => {
  it("a registration whose answer was lost is found by its name and replaced; none is left over", async () => {
    const world = createWorld();
    await world.serve("builders");
    world.github.control.addFault({ route: "generateJitConfig", drop: "after", times: 2 });
    await world.order("builders", 3, 1);
    await world.clock.runFor(30_000);
    expect(world.github.control.runners()).toHaveLength(3);
    const ids = world.runners().map(({ status }) => status?.runnerId);
    const registered = world.github.control.runners().map(({ id }) => id);
    expect(new Set(ids)).toEqual(new Set(registered));
  });

  it("each kind of write lost once: the right number of everything, no spare runner", async () => {
    for (const plural of ["ephemeralrunners", "secrets", "pods", "ephemeralrunnersets"]) {
      for (const verb of ["create", "patch"]) {
        const world = createWorld({ seed: 7 });
        await world.serve("builders");
        world.kube.addFault({
          effect: { kind: "lost-answer" },
          verb,
          plural,
          user: "system:serviceaccount:default:runlet-reconciler",
          times: 2,
        });
        await world.clock.runFor(100);
        await world.order("builders", 4, 1).catch(() => {});
        await world.clock.runFor(60_000);
        const what = `${verb} ${plural}`;
        expect(world.runners().length, what).toBe(4);
        expect(world.pods().length, what).toBe(4);
        expect(world.github.control.runners().length, what).toBe(4);
        await world.deleteSet("builders");
        await world.clock.runFor(60_000);
        expect(world.leftovers(), what).toEqual(nothing);
      }
    }
  });

  it("scale set created, answer lost: adopted, not doubled", async () => {
    const world = createWorld();
    world.github.control.addFault({ route: "createScaleSet", drop: "after" });
    world.kube.applyManifests(runnerSetManifest("builders"));
    await world.clock.runFor(20_000);
    expect(world.github.control.scaleSets()).toHaveLength(1);
    const id = world.autoscaling()[0]?.metadata.annotations?.[annotations.scaleSetId];
    expect(id).toBe(String(world.github.control.scaleSets()[0]?.id));
  });

  it("an API server that is away for two minutes, and watches cut: everything goes on by itself", async () => {
    const world = createWorld();
    await world.serve("builders");
    world.github.control.queueJobs({ scaleSet: "builders", durationMs: 30_000, count: 3 });
    await world.order("builders", 3, 1);
    await world.clock.runFor(5_000);
    world.kube.setFaults([{ effect: { kind: "unreachable" } }]);
    world.kube.cutWatches({ broken: true });
    await world.clock.runFor(120_000);
    world.kube.setFaults([]);
    await world.clock.runFor(150_000);
    expect(world.leftovers()).toEqual(nothing);
    expect(world.github.control.ledger().counts).toMatchObject({ completed: 3 });
  });

  it("a service that is away for five minutes holds runners up and loses none", async () => {
    const world = createWorld();
    await world.serve("builders");
    world.github.control.addFault({ route: "*", status: 503, times: 100_000 });
    await world.order("builders", 3, 1);
    await world.clock.runFor(300_000);
    expect(world.pods()).toEqual([]);
    world.github.control.clearFaults();
    await world.clock.runFor(70_000);
    expect(world.pods()).toHaveLength(3);
    expect(world.github.control.runners()).toHaveLength(3);
  });

  it("one organisation whose service hangs does not hold up another's runners", async () => {
    const world = createWorld();
    await world.serve("stuck");
    const other = runnerSetManifest("builders").replace("/my-org", "/other-org");
    world.kube.applyManifests(other);
    await world.clock.runFor(3_000);
    const hang = {
      route: "generateJitConfig",
      scaleSet: "stuck",
      hang: true,
      times: 10_000,
    } as const;
    world.github.control.addFault(hang);
    await world.order("stuck", 200, 1);
    await world.clock.runFor(1_000);
    const before = world.clock.nowMs();
    await world.order("builders", 10, 1);
    const areUp = () => world.runnerSetOf("builders")?.status?.runningEphemeralRunners === 10;
    await world.clock.runUntil(areUp, 3_000, "ten runners of the other organisation");
    expect(world.clock.nowMs() - before).toBeLessThan(3_000);
    expect(world.pods()).toHaveLength(10);
  });

  it("a scale set that vanished at the service is made again and the set follows it", async () => {
    const world = createWorld();
    await world.serve("builders");
    const before = world.autoscaling()[0]?.metadata.annotations?.[annotations.scaleSetId];
    world.github.control.deleteScaleSet("builders");
    await world.order("builders", 2, 1);
    await world.clock.runFor(30_000);
    const after = world.autoscaling()[0]?.metadata.annotations?.[annotations.scaleSetId];
    expect(after).not.toBe(before);
    expect(world.runnerSetOf("builders")?.status?.runningEphemeralRunners).toBe(2);
    for (const { spec } of world.runners()) expect(String(spec.runnerScaleSetId)).toBe(after);
  });

  it("a quiet scale set that vanished is noticed within six minutes", async () => {
    const world = createWorld();
    await world.serve("builders");
    world.github.control.deleteScaleSet("builders");
    await world.clock.runFor(6 * 60_000);
    expect(world.github.control.scaleSets()).toHaveLength(1);
  });
});

describe("the start", () => {
  it("waits for an API server that does not answer yet, and ends at once when it is told to", async () => {
    const world = createWorld({ start: false });
    world.kube.setFaults([{ effect: { kind: "unreachable" } }]);
    const waiting = world.start();
    const second = world.start();
    await world.clock.runFor(60_000);
    expect(waiting.reconciler.health().unready).toMatch(/not been read/);
    await second.stop();
    world.kube.setFaults([]);
    await world.clock.runFor(20_000);
    expect(waiting.reconciler.health().unready).toBeUndefined();
  });
});
