import { describe, expect, it } from "vitest";
import {
  autoscalingRunnerSets,
  ephemeralRunners,
  ephemeralRunnerSets,
  finalizers,
} from "@runlet/kubernetes/resources";
import { createWorld, namespace, type World } from "./reconciler-world.ts";

const foreign = "example.com/mine";

/** Somebody takes our finalizers off and puts his own on, in the moment before we put ours back. */
async function meddle(world: World, plural: string, what: typeof ephemeralRunners, name: string) {
  const body = (finalizers: string[]) => ({ metadata: { finalizers } });
  const key = { namespace, name };
  const user = "system:serviceaccount:default:runlet-reconciler";
  const effect = { kind: "latency", ms: 1_000 } as const;
  world.kube.setFaults([{ user, plural, verb: "patch", effect, times: 1 }]);
  await world.admin.patch(what, key, { type: "merge", body: body([]) });
  await world.clock.runFor(500);
  await world.admin.patch(what, key, { type: "merge", body: body([foreign]) });
  await world.clock.runFor(10_000);
  return (await world.admin.find(what, key))?.metadata.finalizers;
}

describe("finalizers", () => {
  it("of others, added while ours are, stay on each of the three kinds", async () => {
    const world = createWorld();
    await world.serve("builders");
    await world.order("builders", 1, 1);
    await world.clock.runFor(5_000);
    const runner = world.runners()[0]?.metadata.name ?? "";
    const runnerSet = world.runnerSetOf("builders")?.metadata.name ?? "";
    const after = {
      set: await meddle(world, "autoscalingrunnersets", autoscalingRunnerSets, "builders"),
      runnerSet: await meddle(world, "ephemeralrunnersets", ephemeralRunnerSets, runnerSet),
      runner: await meddle(world, "ephemeralrunners", ephemeralRunners, runner),
    };
    expect(after).toEqual({
      set: [foreign, finalizers.autoscalingRunnerSet],
      runnerSet: [foreign, finalizers.ephemeralRunnerSet],
      runner: [foreign, finalizers.ephemeralRunner, finalizers.runnerRegistration],
    });
  });
});
