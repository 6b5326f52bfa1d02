// The vectors are those of ARC's own tests: the listener's (cmd/ghalistener/scaler/scaler_test.go) drive our
// reconciler as ARC's listener would; what must follow is ARC's ephemeralrunnerset_controller.go.
import { describe, expect, it } from "vitest";
import { annotations } from "@runlet/kubernetes/resources";
import { createWorld, nothing, type World } from "./reconciler-world.ts";

async function settle(world: World) {
  await world.clock.runFor(5_000);
}

const isAlive = ({ metadata }: { metadata: { deletionTimestamp?: string } }) =>
  metadata.deletionTimestamp === undefined;

describe("the pair (replicas, patchID)", () => {
  it("a numbered order creates the difference and never deletes", async () => {
    const world = createWorld();
    await world.serve("builders");
    await world.order("builders", 5, 1);
    await settle(world);
    expect(world.runners()).toHaveLength(5);
    await world.order("builders", 2, 2);
    await settle(world);
    expect(world.runners()).toHaveLength(5);
    await world.order("builders", 6, 3);
    await settle(world);
    expect(world.runners()).toHaveLength(6);
    const acted = world.runnerSetOf("builders")?.metadata.annotations?.[annotations.actedPatchId];
    expect(acted).toBe("3");
  });

  it("number 0 lets idle runners go and keeps those that the service calls busy", async () => {
    const world = createWorld();
    await world.serve("builders");
    world.github.control.queueJobs({ scaleSet: "builders", durationMs: 120_000, count: 2 });
    await world.order("builders", 5, 1);
    await settle(world);
    // Nobody has told the cluster which two have a job: only the service knows.
    await world.order("builders", 0, 0);
    await settle(world);
    const left = world
      .runners()
      .filter(isAlive)
      .map(({ metadata }) => metadata.name);
    const busy = world.github.control.runners().filter(({ state }) => state === "busy");
    expect(left.toSorted()).toEqual(busy.map(({ name }) => name).toSorted());
    expect(left).toHaveLength(2);
    await world.clock.runFor(180_000);
    expect(world.github.control.ledger().counts).toMatchObject({ completed: 2 });
    expect(world.leftovers()).toEqual(nothing);
  });

  it("a busy runner is asked for at most twice a minute", async () => {
    const world = createWorld();
    await world.serve("builders");
    world.github.control.queueJobs({ scaleSet: "builders", durationMs: 600_000 });
    await world.order("builders", 1, 1);
    await settle(world);
    const asked = () =>
      world.github.control.requests().filter(({ route }) => route === "removeRunner").length;
    await world.order("builders", 0, 0);
    await world.clock.runFor(120_000);
    expect(asked()).toBeGreaterThanOrEqual(2);
    expect(asked()).toBeLessThanOrEqual(5);
    expect(world.pods()).toHaveLength(1);
  });

  it("the first order of a restarted listener acts, though its number was used before", async () => {
    const world = createWorld();
    await world.serve("builders");
    await world.order("builders", 2, 4);
    await settle(world);
    expect(world.runners()).toHaveLength(2);
    // ARC's listener counts from 0 again; whoever restarts says 0 first.
    await world.order("builders", 3, 0);
    await settle(world);
    expect(world.runners()).toHaveLength(3);
    await world.order("builders", 4, 4);
    await settle(world);
    expect(world.runners()).toHaveLength(4);
  });

  it("an order whose number comes again after another one is a new order", async () => {
    const world = createWorld();
    await world.serve("builders");
    await world.order("builders", 1, 1);
    await settle(world);
    await world.order("builders", 1, 2);
    await world.order("builders", 3, 1);
    await settle(world);
    expect(world.runners()).toHaveLength(3);
  });

  it("follows ARC's scaler through a working day", async () => {
    const world = createWorld();
    await world.serve("builders", "  minRunners: 1");
    // (1,∞) 3 → (4,0,0); D 0 → (0+1,1,1); 0 → (1,2,0)
    const alive = () => world.runners().filter(isAlive).length;
    await world.order("builders", 4, 0);
    await settle(world);
    expect(alive()).toBe(4);
    await world.order("builders", 1, 1);
    await settle(world);
    expect(alive()).toBe(4);
    await world.order("builders", 1, 0);
    await settle(world);
    expect(alive()).toBe(1);
  });

  it("a runner set that ARC numbered is taken over without a spare runner", async () => {
    const world = createWorld();
    await world.serve("builders");
    await world.order("builders", 2, 9);
    await settle(world);
    await world.first?.stop();
    const set = world.runnerSetOf("builders");
    if (!set) throw new Error("no runner set");
    await world.admin.patch(
      {
        group: "actions.github.com",
        version: "v1alpha1",
        plural: "ephemeralrunnersets",
        kind: "EphemeralRunnerSet",
        namespaced: true,
      },
      { namespace: "runners", name: set.metadata.name },
      { type: "merge", body: { metadata: { annotations: { [annotations.actedPatchId]: null } } } },
    );
    world.start();
    await settle(world);
    expect(world.runners()).toHaveLength(2);
  });

  it("a settled order is not repeated by a restart", async () => {
    const world = createWorld();
    await world.serve("builders");
    world.github.control.queueJobs({ scaleSet: "builders", durationMs: 1_000, count: 2 });
    await world.order("builders", 2, 1);
    await world.clock.runFor(30_000);
    expect(world.leftovers()).toEqual(nothing);
    await world.first?.stop();
    world.start();
    await settle(world);
    expect(world.leftovers()).toEqual(nothing);
  });
});
