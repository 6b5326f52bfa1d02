// GitHub's service has said for hours that scale sets were not there (actions-runner-controller #4370), and a set that is
// made anew on such a word has lost its jobs. So "not there" counts only when the name is not there either.
import { describe, expect, it } from "vitest";
import { annotations } from "@runlet/kubernetes/resources";
import { createWorld } from "./reconciler-world.ts";

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
