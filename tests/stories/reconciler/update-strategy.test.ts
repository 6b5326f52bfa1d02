// ARC 0.14 has two ways to change a template (its flag --update-strategy): at once, beside the old runners, or when the
// last old one has gone. The first is told in changes.test.ts; this is the second.
import { describe, expect, it } from "vitest";
import { annotations, type Condition } from "@runlet/kubernetes/resources";
import { createWorld, nothing, runnerSetManifest, type World } from "./reconciler-world.ts";

const imagesOf = (world: World) =>
  world.runners().map(({ spec }) => spec.spec?.containers[0]?.image?.split(":").at(-1));
const changed = (image = "new", extra = "") =>
  runnerSetManifest("builders", extra).replace("runner:latest", `runner:${image}`);

const healthOf = (world: World): Condition | undefined =>
  world.autoscaling()[0]?.status?.conditions?.find(({ type }) => type === "Healthy");

async function serveThree(extra = ""): Promise<World> {
  const world = createWorld({ reconciler: { updateStrategy: "eventual" } });
  await world.serve("builders", extra);
  world.github.control.queueJobs({ scaleSet: "builders", durationMs: 120_000 });
  await world.order("builders", 3, 1);
  await world.clock.runFor(5_000);
  await world.tellJobs();
  return world;
}

describe("update strategy eventual", () => {
  it("idle runners go, the busy one finishes, and only then runners of the new template come", async () => {
    const world = await serveThree();
    world.kube.applyManifests(changed());
    for (let second = 0; second < 100; second += 5) {
      await world.clock.runFor(5_000);
      expect(imagesOf(world).every((image) => image === "latest")).toBe(true);
    }
    expect(world.runners()).toHaveLength(1);
    await world.clock.runFor(30_000);
    expect(world.github.control.ledger().counts).toMatchObject({ completed: 1 });
    expect(imagesOf(world)).toEqual(["new", "new", "new"]);
  });

  it("a minimum of idle runners, ordered again and again, does not hold it up", async () => {
    const world = await serveThree("  minRunners: 2");
    world.kube.applyManifests(changed("new", "  minRunners: 2"));
    for (let number = 2; number < 12; number++) {
      await world.order("builders", 3, number);
      await world.clock.runFor(5_000);
    }
    expect(imagesOf(world)).toEqual(["latest"]);
    // Told, so that a poller does not order them anew, and another cluster of the set may take the jobs.
    const refused = () =>
      world.runnerSetOf("builders")?.metadata.annotations?.[annotations.refused];
    expect(refused()).toContain('{"count":2,');
    expect(healthOf(world)).toMatchObject({ status: "False", reason: "TemplateWaits" });
    await world.clock.runFor(90_000);
    expect(imagesOf(world)).toEqual(["new", "new", "new"]);
    expect(refused()).toBeUndefined();
    expect(healthOf(world)).toMatchObject({ status: "True" });
  });

  it("changed back meanwhile: it goes on with what it had", async () => {
    const world = await serveThree();
    world.kube.applyManifests(changed());
    await world.clock.runFor(10_000);
    world.kube.applyManifests(runnerSetManifest("builders"));
    await world.clock.runFor(10_000);
    expect(imagesOf(world)).toEqual(["latest", "latest", "latest"]);
  });

  it("a restart in the middle, even with the service away: none is made until the last has gone", async () => {
    const world = await serveThree();
    world.kube.applyManifests(changed());
    await world.clock.runFor(30_000);
    expect(imagesOf(world)).toEqual(["latest"]);
    await world.first?.stop();
    world.github.control.addFault({ route: "*", status: 503, times: 1_000_000 });
    world.start();
    for (let second = 0; second < 30; second++) {
      await world.clock.runFor(1_000);
      expect(imagesOf(world)).toEqual(["latest"]);
    }
    world.github.control.clearFaults();
    await world.clock.runFor(120_000);
    expect(imagesOf(world)).toEqual(["new", "new", "new"]);
  });

  it("a restart in the middle, and deletion in the middle, leave nothing behind", async () => {
    const world = await serveThree();
    world.kube.applyManifests(changed());
    await world.clock.runFor(5_000);
    await world.first?.stop();
    world.start();
    await world.clock.runFor(30_000);
    expect(imagesOf(world).every((image) => image === "latest")).toBe(true);
    await world.deleteSet("builders");
    await world.clock.runFor(150_000);
    expect(world.github.control.ledger().counts).toMatchObject({ completed: 1 });
    expect(world.leftovers()).toEqual(nothing);
    expect(world.autoscaling()).toEqual([]);
  });
});

describe("a runner version that GitHub no longer takes", () => {
  it("idle runners of that version go as well, a busy one finishes, and it is said", async () => {
    let exits = false;
    const world = createWorld({
      scenario: () =>
        exits
          ? { runner: { kind: "exits", exitCode: 7, afterMs: 100 } }
          : { runner: { kind: "works" } },
    });
    await world.serve("builders");
    world.github.control.queueJobs({ scaleSet: "builders", durationMs: 60_000 });
    await world.order("builders", 3, 1);
    await world.clock.runFor(5_000);
    await world.tellJobs();
    exits = true;
    await world.order("builders", 4, 2);
    await world.clock.runFor(20_000);
    expect(world.runnerSetOf("builders")?.status).toMatchObject({ phase: "Outdated" });
    const running = world.runners().filter(({ status }) => status?.phase === "Running");
    expect(running).toHaveLength(1);
    expect(healthOf(world)?.reason).toBe("RunnerVersionOutdated");
    const asked = () =>
      world.github.control.requests().filter(({ route }) => route === "generateJitConfig").length;
    const before = asked();
    await world.clock.runFor(4 * 3_600_000);
    expect(asked()).toBe(before);
    expect(world.github.control.ledger().counts).toMatchObject({ completed: 1 });
    expect(world.github.control.scaleSets()).toHaveLength(1);
  });
});
