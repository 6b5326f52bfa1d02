// After an outage of GitHub jobs stay assigned that no runner takes: its connection is dead (actions-runner-controller
// #4312, #4396), or the jobs do not exist (#4193, #4397). The test writes the tally as a poller does.
import { describe, expect, it } from "vitest";
import {
  annotations,
  autoscalingRunnerSets,
  ephemeralRunners,
  ephemeralRunnerSets,
  type AutoscalingRunnerSet,
} from "@runlet/kubernetes/resources";
import { noStatistics } from "@runlet/domain/statistics";
import { createWorld, namespace, type World } from "./reconciler-world.ts";

const minute = 60_000;

async function tell(world: World, assigned: number, running: number) {
  const tally = { ...noStatistics, totalAssignedJobs: assigned, totalRunningJobs: running };
  const name = world.runnerSetOf("builders")?.metadata.name ?? "";
  const metadata = { annotations: { [annotations.statistics]: JSON.stringify(tally) } };
  await world.admin.patch(
    ephemeralRunnerSets,
    { namespace, name },
    { type: "merge", body: { metadata } },
  );
}

const healthOf = (world: World) =>
  world.autoscaling()[0]?.status?.conditions?.find(({ type }) => type === "Healthy");
const uidsOf = (world: World) => world.runners().map(({ metadata }) => metadata.uid);

async function serveIdle(count: number): Promise<World> {
  const world = createWorld();
  await world.serve("builders");
  await world.order("builders", count, 1);
  await world.clock.runFor(5_000);
  return world;
}

describe("jobs that wait beside idle runners", () => {
  it("for ten minutes: it is said, and one runner after the other is replaced, ever more slowly", async () => {
    const world = await serveIdle(4);
    const first = uidsOf(world);
    await tell(world, 3, 0);
    await world.clock.runFor(9 * minute);
    expect(uidsOf(world)).toEqual(first);
    await world.clock.runFor(2 * minute);
    const left = () => uidsOf(world).filter((uid) => first.includes(uid)).length;
    expect(left()).toBe(3);
    expect(healthOf(world)).toMatchObject({ status: "False", reason: "JobsBesideIdleRunners" });
    expect(world.events().map(({ reason }) => reason)).toEqual(["JobsBesideIdleRunners"]);
    await world.clock.runFor(2 * minute);
    expect(left()).toBe(2);
    await world.clock.runFor(4 * minute);
    expect(left()).toBe(1);
    await world.clock.runFor(4 * minute);
    expect(left()).toBe(1);
    await world.clock.runFor(5 * minute);
    expect(left()).toBe(0);
    expect(world.runners()).toHaveLength(4);
    expect(world.runnerSetOf("builders")?.spec.replicas).toBe(4);
  });

  it("for hours, since GitHub counts jobs that do not exist: hardly more than one runner an hour is spent on it", async () => {
    const world = await serveIdle(2);
    await tell(world, 2, 0);
    const registered = () =>
      world.github.control.requests().filter(({ route }) => route === "generateJitConfig").length;
    await world.clock.runFor(8 * 60 * minute);
    expect(registered()).toBeGreaterThan(8);
    expect(registered()).toBeLessThanOrEqual(15);
    await tell(world, 0, 0);
    await world.clock.runFor(2_000);
    expect(healthOf(world)).toMatchObject({ status: "True", reason: "Healthy" });
  });

  it("a runner that the service calls busy is kept, and the next is asked", async () => {
    const world = await serveIdle(2);
    world.github.control.queueJobs({ scaleSet: "builders", durationMs: 60 * minute });
    await world.clock.runFor(1_000);
    // Nobody has told the cluster of that job.
    await tell(world, 2, 1);
    await world.clock.runFor(15 * minute);
    const busy = world.github.control.runners().filter(({ state }) => state === "busy");
    expect(busy).toHaveLength(1);
    expect(world.runners().map(({ metadata }) => metadata.name)).toContain(busy[0]?.name);
    expect(world.github.control.ledger().counts).toMatchObject({ running: 1 });
  });

  it("a runner that has only just come is given its ten minutes", async () => {
    const world = await serveIdle(1);
    await tell(world, 1, 0);
    await world.clock.runFor(9 * minute);
    await world.admin.remove(ephemeralRunners, {
      namespace,
      name: world.runners()[0]?.metadata.name ?? "",
    });
    await world.clock.runFor(5_000);
    await world.order("builders", 1, 2);
    await world.clock.runFor(5_000);
    const young = uidsOf(world);
    await world.clock.runFor(9 * minute);
    expect(uidsOf(world)).toEqual(young);
    await world.clock.runFor(2 * minute);
    expect(uidsOf(world)).not.toEqual(young);
  });

  it("no idle runner goes while every job runs, or while jobs have only just come", async () => {
    const world = await serveIdle(3);
    const first = uidsOf(world);
    for (let at = 0; at < 20; at++) {
      await tell(world, at % 2 === 0 ? 5 : 4, 4);
      await world.clock.runFor(2 * minute);
    }
    expect(uidsOf(world)).toEqual(first);
    expect(healthOf(world)).toMatchObject({ status: "True" });
  });
});

describe("the condition Healthy", () => {
  it("keeps its time while it stays, and others' conditions stay where they are", async () => {
    const world = await serveIdle(1);
    const foreign = {
      type: "Audited",
      status: "True",
      reason: "Seen",
      message: "",
      lastTransitionTime: "2026-01-01T00:00:00Z",
    } as const;
    const there = world.autoscaling()[0]?.status?.conditions ?? [];
    await world.admin.patch<AutoscalingRunnerSet>(
      autoscalingRunnerSets,
      { namespace, name: "builders" },
      { type: "merge", body: { status: { conditions: [...there, foreign] } } },
      { subresource: "status" },
    );
    const since = healthOf(world)?.lastTransitionTime;
    await world.clock.runFor(minute);
    await world.order("builders", 2, 2);
    await world.clock.runFor(minute);
    const after = world.autoscaling()[0]?.status?.conditions;
    expect(after).toContainEqual(foreign);
    expect(healthOf(world)?.lastTransitionTime).toBe(since);
  });
});
