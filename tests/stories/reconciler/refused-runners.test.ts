import { describe, expect, it } from "vitest";
import { annotations, ephemeralRunners } from "@runlet/kubernetes/resources";
import { createWorld, namespace, type World } from "./reconciler-world.ts";

const user = "system:serviceaccount:default:runlet-reconciler";

function refuseRunners(world: World) {
  const effect = { kind: "status", status: 403, message: "exceeded quota: few" } as const;
  world.kube.setFaults([{ user, verb: "create", plural: "ephemeralrunners", effect }]);
}

const creates = (world: World) =>
  world.kube
    .auditLog()
    .filter(({ verb, plural }) => verb === "create" && plural === "ephemeralrunners").length;

const refusedBy = (world: World) =>
  world.runnerSetOf("builders")?.metadata.annotations?.[annotations.refused];

describe("EphemeralRunners that the cluster refuses", () => {
  it("in a busy set: asked for again twice a minute, said once, and made half a minute after they may be", async () => {
    const world = createWorld();
    await world.serve("builders");
    await world.order("builders", 5, 1);
    await world.clock.runFor(5_000);
    const names = world.runners().map(({ metadata }) => metadata.name);
    const before = creates(world);
    refuseRunners(world);
    await world.order("builders", 6, 2);
    for (let second = 0; second < 60; second++) {
      const name = names[second % 5] ?? "";
      const body = { metadata: { annotations: { second: String(second) } } };
      await world.admin.patch(ephemeralRunners, { namespace, name }, { type: "merge", body });
      await world.clock.runFor(1_000);
    }
    expect(creates(world) - before).toBeLessThanOrEqual(3);
    const ofSet = world.events().filter(({ message }) => message.includes("exceeded quota"));
    // Each attempt has another name, and the message does not depend on it.
    expect(ofSet.map(({ reason }) => reason)).toEqual(["RunnersRefused"]);
    expect(refusedBy(world)).toContain('{"count":1,');
    world.kube.setFaults([]);
    await world.clock.runFor(31_000);
    expect(world.runners()).toHaveLength(6);
    await world.clock.runFor(2_000);
    expect(refusedBy(world)).toBeUndefined();
  });
});

describe("pods that do not start", () => {
  it("for five minutes: told as refused and as unhealthy with the word of the cluster, until they do", async () => {
    const world = createWorld({ scenario: () => ({ pullFailuresCount: 12 }) });
    const healthy = () =>
      world.autoscaling()[0]?.status?.conditions?.find(({ type }) => type === "Healthy");
    await world.serve("builders");
    await world.order("builders", 3, 1);
    await world.clock.runFor(290_000);
    expect(healthy()).toMatchObject({ status: "True" });
    expect(refusedBy(world)).toBeUndefined();
    await world.clock.runFor(20_000);
    expect(refusedBy(world)).toContain('{"count":3,');
    // A poller adds the refused to the living: each counts once.
    expect(world.runnerSetOf("builders")?.status?.pendingEphemeralRunners).toBe(0);
    expect(healthy()).toMatchObject({ status: "False", reason: "RunnersNotStarting" });
    expect(healthy()?.message).toMatch(/ErrImagePull|ImagePullBackOff/);
    expect(world.events().map(({ reason }) => reason)).toContain("RunnersNotStarting");
    const runs = () => world.runnerSetOf("builders")?.status?.runningEphemeralRunners === 3;
    await world.clock.runUntil(runs, 60 * 60_000, "the image to be there");
    await world.clock.runFor(3_000);
    expect(refusedBy(world)).toBeUndefined();
    expect(healthy()).toMatchObject({ status: "True" });
  });
});
