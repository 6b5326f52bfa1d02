import { describe, expect, it } from "vitest";
import { createWorld, runnerSetManifest } from "./reconciler-world.ts";

describe("many runners", () => {
  it("are registered at full speed up to the limit and then without being refused once", async () => {
    const world = createWorld({
      scenario: () => ({ imagePullMs: 0, startMs: 0 }),
      knobs: { registrationsMax: 150 },
      reconciler: { settings: { registrationsPerWindow: 150 } },
    });
    await world.serve("builders");
    await world.order("builders", 200, 1);
    await world.clock.runFor(1_000);
    const calls = () =>
      world.github.control.requests().filter(({ route }) => route === "generateJitConfig");
    expect(calls()).toHaveLength(150);
    await world.clock.runFor(330_000);
    expect(calls()).toHaveLength(200);
    expect(calls().filter(({ status }) => status === 429)).toEqual([]);
    expect(world.runnerSetOf("builders")?.status?.runningEphemeralRunners).toBe(200);
  });

  it("the limit shared with somebody else: 429 is waited out, no runner fails", async () => {
    const world = createWorld({ knobs: { registrationsMax: 10 } });
    await world.serve("builders");
    await world.order("builders", 15, 1);
    await world.clock.runFor(20_000);
    expect(world.pods()).toHaveLength(10);
    await world.clock.runFor(400_000);
    expect(world.pods()).toHaveLength(15);
    const failures = world.runners().flatMap(({ status }) => Object.keys(status?.failures ?? {}));
    expect(failures).toEqual([]);
  });

  it("that are not registered yet make way for a new template many at a time", async () => {
    const world = createWorld({ reconciler: { settings: { registrationsPerWindow: 5 } } });
    await world.serve("builders");
    await world.order("builders", 300, 1);
    await world.clock.runFor(10_000);
    const user = "system:serviceaccount:default:runlet-reconciler";
    world.kube.setFaults([{ user, effect: { kind: "latency", ms: 50 } }]);
    const changed = runnerSetManifest("builders").replace("runner:latest", "runner:new");
    world.kube.applyManifests(changed);
    const isOld = ({ spec }: ReturnType<typeof world.runners>[number]) =>
      spec.spec?.containers[0]?.image?.endsWith(":latest");
    const areFew = () => world.runners().filter(isOld).length <= 5;
    await world.clock.runUntil(areFew, 6_000, "the old ones to make way");
  });
});
