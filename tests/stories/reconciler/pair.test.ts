// The vectors are those of ARC's own tests: the listener's (cmd/ghalistener/scaler/scaler_test.go) drive our
// reconciler as ARC's listener would; what must follow is ARC's ephemeralrunnerset_controller.go.
import { describe, expect, it } from "vitest";
import { annotations, ephemeralRunnerSets } from "@runlet/kubernetes/resources";
import { createWorld, namespace, nothing, type World } from "./reconciler-world.ts";

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

  /** The results (target, number) of ARC's scaler tests, for one scale set after the other. */
  const vectors: readonly (readonly [string, readonly (readonly [number, number])[]])[] = [
    ["nothing to do", [[0, 0]]],
    [
      "the same again is numbered",
      [
        [1, 0],
        [1, 1],
      ],
    ],
    [
      "down with a job's end",
      [
        [1, 0],
        [0, 1],
      ],
    ],
    ["a minimum of one", [[1, 0]]],
    [
      "from three to the minimum",
      [
        [3, 0],
        [1, 1],
      ],
    ],
    [
      "to the minimum, and quiet there",
      [
        [4, 0],
        [1, 1],
        [1, 0],
      ],
    ],
    [
      "at the maximum and back",
      [
        [5, 0],
        [0, 1],
      ],
    ],
    [
      "up to the maximum",
      [
        [1, 0],
        [5, 1],
      ],
    ],
    [
      "to nothing, and quiet there",
      [
        [3, 0],
        [0, 1],
        [0, 0],
      ],
    ],
    [
      "between minimum and maximum",
      [
        [3, 0],
        [1, 1],
        [1, 0],
      ],
    ],
  ];
  it.each(vectors)("follows ARC's scaler: %s", async (_what, orders) => {
    const world = createWorld();
    await world.serve("builders");
    const alive = () => world.runners().filter(isAlive).length;
    for (const [replicas, number] of orders) {
      const before = alive();
      await world.order("builders", replicas, number);
      await settle(world);
      // A number may only create, 0 converges (ephemeralrunnerset_controller.go).
      expect(alive()).toBe(number === 0 ? replicas : Math.max(before, replicas));
    }
  });

  it("takes ARC's way to say none: the field is left out", async () => {
    const world = createWorld();
    await world.serve("builders");
    await world.order("builders", 2, 1);
    await settle(world);
    const name = world.runnerSetOf("builders")?.metadata.name ?? "";
    await world.admin.patch(
      ephemeralRunnerSets,
      { namespace, name },
      {
        type: "merge",
        body: { spec: { patchID: 0, replicas: null } },
      },
    );
    await settle(world);
    expect(world.leftovers()).toEqual(nothing);
  });

  it("an edit of the runner set by hand: idle runners follow it, one with a job keeps what it has", async () => {
    const world = createWorld();
    await world.serve("builders");
    world.github.control.queueJobs({ scaleSet: "builders", durationMs: 30_000 });
    await world.order("builders", 3, 1);
    await settle(world);
    await world.tellJobs();
    const name = world.runnerSetOf("builders")?.metadata.name ?? "";
    const spec = { containers: [{ name: "runner", image: "by-hand" }] };
    await world.admin.patch(
      ephemeralRunnerSets,
      { namespace, name },
      {
        type: "merge",
        body: { spec: { ephemeralRunnerSpec: { spec } } },
      },
    );
    await settle(world);
    const images = world.runners().map((one) => one.spec.spec?.containers[0]?.image);
    // ARC's rule: idle runners follow the edit, the busy one keeps what it has.
    expect(images.filter((image) => image === "by-hand")).toHaveLength(2);
    await world.clock.runFor(40_000);
    expect(world.github.control.ledger().counts).toMatchObject({ completed: 1 });
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
      ephemeralRunnerSets,
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
