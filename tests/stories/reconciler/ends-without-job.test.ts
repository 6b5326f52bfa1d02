// run.sh turns most failures of a runner's listener into exit code 0: a pod that "succeeded" may have done nothing.
import { describe, expect, it } from "vitest";
import { createWorld, type World } from "./reconciler-world.ts";

const requests = (world: World, route: string) =>
  world.github.control.requests().filter((one) => one.route === route).length;

const healthOf = (world: World) =>
  world.autoscaling()[0]?.status?.conditions?.find(({ type }) => type === "Healthy");

describe("runners that end with exit code 0 at once, without a job", () => {
  for (const [order, patchId] of [
    ["minRunners", 0],
    ["jobs", 1],
  ] as const) {
    it(`wanted for ${order}: are made ever more rarely, and the set says so`, async () => {
      let broken = true;
      const world = createWorld({
        scenario: () => (broken ? { runner: { kind: "exits", exitCode: 0, afterMs: 100 } } : {}),
      });
      await world.serve("builders");
      // Above 0 a poller orders anew as often as runners are missing.
      for (let second = 0; second < 300; second++) {
        await world.order("builders", 5, patchId === 0 ? 0 : patchId + second);
        await world.clock.runFor(1_000);
      }
      expect(requests(world, "generateJitConfig")).toBeLessThan(20);
      expect(healthOf(world)).toMatchObject({ status: "False", reason: "RunnersRefused" });
      const reasons = world.events().map(({ reason }) => reason);
      expect(reasons.filter((reason) => reason === "EndedWithoutJob")).toHaveLength(1);
      broken = false;
      await world.order("builders", 5, patchId === 0 ? 0 : 1_000);
      await world.clock.runFor(16 * 60_000);
      expect(world.runners()).toHaveLength(5);
      expect(healthOf(world)).toMatchObject({ status: "True" });
    });
  }

  it("jobs so short that nobody names them in time are no failures: none of forty waits", async () => {
    const world = createWorld();
    await world.serve("builders");
    for (let number = 1; number <= 40; number++) {
      world.github.control.queueJobs({ scaleSet: "builders", durationMs: 100 });
      await world.order("builders", 1, number);
      await world.clock.runFor(2_000);
      expect(world.github.control.ledger().counts).toMatchObject({ completed: number });
    }
  });

  it("runners that had been idle for a while are replaced at once", async () => {
    const world = createWorld({
      scenario: () => ({ runner: { kind: "dies-before-job", afterMs: 40_000, exitCode: 0 } }),
    });
    await world.serve("builders");
    await world.order("builders", 3, 0);
    await world.clock.runFor(400_000);
    expect(requests(world, "generateJitConfig")).toBeGreaterThanOrEqual(27);
  });

  it("while the service does not answer, they end all the same", async () => {
    const world = createWorld({
      scenario: () => ({ runner: { kind: "exits", exitCode: 0, afterMs: 5_000 } }),
    });
    await world.serve("builders");
    await world.order("builders", 2, 1);
    await world.clock.runFor(3_000);
    world.github.control.addFault({ route: "getRunner", status: 503, times: 1_000 });
    await world.clock.runFor(10_000);
    expect(world.runners()).toEqual([]);
    expect(world.github.control.runners()).toEqual([]);
  });
});
