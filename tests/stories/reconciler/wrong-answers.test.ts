// What the service says may be wrong, or nothing. It has said for hours that scale sets were not there
// (actions-runner-controller #4370), and one that is made anew on such a word has lost its jobs: so "not there" counts
// only when the name is not there either. And a runner is idle when it has let it go, not when it does not answer.
import { describe, expect, it } from "vitest";
import { annotations } from "@runlet/kubernetes/resources";
import type { Fault } from "@runlet/simulators/actions-service/faults";
import { createWorld, nothing } from "./reconciler-world.ts";

const minute = 60_000;

async function serveOne() {
  const world = createWorld();
  await world.serve("builders");
  const idOf = () => world.autoscaling()[0]?.metadata.annotations?.[annotations.scaleSetId];
  return { world, idOf, before: idOf() };
}

describe("a scale set whose id the service does not know for a while", () => {
  it("is found by its name, and stays the one it is", async () => {
    const { world, idOf, before } = await serveOne();
    world.github.control.addFault({ route: "getScaleSet", status: 404, times: 3 });
    await world.clock.runFor(20 * minute);
    const asked = world.github.control.requests();
    expect(asked.filter(({ status }) => status === 404).length).toBeGreaterThan(0);
    expect(asked.filter(({ route }) => route === "createScaleSet")).toHaveLength(1);
    expect(world.github.control.scaleSets()).toHaveLength(1);
    expect(idOf()).toBe(before);
  });

  it.each([500, 502, 503])("is not made anew since it answers %i", async (status) => {
    const { world, idOf, before } = await serveOne();
    for (const route of ["getScaleSet", "listScaleSets"] as const) {
      world.github.control.addFault({ route, status, times: 10_000 });
    }
    await world.clock.runFor(30 * minute);
    world.github.control.clearFaults();
    await world.clock.runFor(10 * minute);
    const asked = world.github.control.requests();
    expect(asked.filter((one) => one.status === status).length).toBeGreaterThan(0);
    expect(asked.filter(({ route }) => route === "createScaleSet")).toHaveLength(1);
    expect(idOf()).toBe(before);
    await world.order("builders", 2, 1);
    await world.clock.runFor(10_000);
    expect(world.runnerSetOf("builders")?.status?.runningEphemeralRunners).toBe(2);
  });
});

describe("an idle runner that is to go", () => {
  const answers: [string, Omit<Fault, "route">][] = [
    ["500", { status: 500 }],
    ["429", { status: 429, retryAfter: "5" }],
    ["a cut connection", { drop: "before" }],
    ["silence", { hang: true }],
    ["bad JSON and 500", { status: 500, answer: "broken-json" }],
  ];
  it.each(answers)(
    "stays while the service answers with %s, and goes when it has agreed",
    async (_how, answer) => {
      const world = createWorld();
      await world.serve("builders");
      await world.order("builders", 2, 1);
      await world.clock.runFor(5_000);
      const pods = world.pods().map(({ metadata }) => metadata.uid);
      world.github.control.addFault({ route: "removeRunner", times: 10_000, ...answer });
      await world.order("builders", 0, 0);
      await world.clock.runFor(5 * minute);
      expect(world.github.control.runners()).toHaveLength(2);
      expect(world.pods().map(({ metadata }) => metadata.uid)).toEqual(pods);
      world.github.control.clearFaults();
      await world.clock.runFor(2 * minute);
      expect(world.leftovers()).toEqual(nothing);
    },
  );
});
