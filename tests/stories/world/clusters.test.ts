import { describe, expect, it } from "vitest";
import { autoscalingRunnerSets } from "@runlet/kubernetes/resources";
import { runnersNamespace } from "@runlet/runlet/world/manifests";
import type { ScaleSetPlan } from "@runlet/runlet/world/plan-scenario";
import { linux, modes, startWorld } from "./running-world.ts";

const shared: ScaleSetPlan = { ...linux, clusters: ["east", "west"], maxRunners: 4 };

describe.each(modes)("a scale set on two clusters, in %s mode", (mode) => {
  it("goes on when one cluster is dead, and uses it again when it is back", async () => {
    const world = await startWorld({ mode, scaleSets: [shared] });
    const back = world.clusters.get("east")?.api.addFault({ effect: { kind: "unreachable" } });
    world.queue("linux", { count: 4 });
    await world.jobsEnd(30_000);
    back?.();
    await world.clock.runFor(30_000);
    const before = world.recorder.clusterSplit().get("east") ?? 0;
    world.queue("linux", { count: 8, durationMs: 3_000 });
    await world.jobsEnd(60_000);
    expect(world.recorder.clusterSplit().get("east")).toBeGreaterThan(before);
    await world.endClean();
  });

  it("lives on in one when it is deleted in the other, and is deleted at the service with its last", async () => {
    const world = await startWorld({ mode, scaleSets: [shared] });
    const sets = () => world.service.control.scaleSets().length;
    world.queue("linux", { count: 2 });
    await world.jobsEnd(10_000);
    await world.deleteSet("east", "linux");
    const gone = () =>
      world.clusters.get("east")?.api.objects("actions.github.com/v1alpha1", "AutoscalingRunnerSet")
        .length === 0;
    await world.until(gone, 20_000, "no runner set in east");
    expect(sets()).toBe(1);
    world.queue("linux", { count: 3 });
    await world.jobsEnd(20_000);
    await world.deleteSet("west", "linux");
    await world.until(() => sets() === 0, 30_000, "no scale set at the service");
    await world.endClean();
  });

  it("moves runners whose pods the cluster of first priority refuses to the other", async () => {
    const first = { ...shared, maxRunners: 3 };
    const world = await startWorld({ mode, scaleSets: [first] });
    const east = world.clusters.get("east");
    if (!east) throw new Error("there is no east");
    const annotations = { "runlet.dev/priority": "10" };
    const name = { namespace: runnersNamespace, name: "linux" };
    void east.admin.patch(autoscalingRunnerSets, name, {
      type: "merge",
      body: { metadata: { annotations } },
    });
    east.api.addFault({
      effect: { kind: "status", status: 403 },
      verb: "create",
      plural: "pods",
    });
    await world.clock.runFor(2_000);
    world.queue("linux", { count: 3 });
    await world.jobsEnd(150_000);
    expect(world.recorder.clusterSplit().get("west")).toBeGreaterThanOrEqual(3);
    east.api.setFaults([]);
    await world.endClean(200_000);
  });
});

describe.each(modes)("what is not Runlet's, in %s mode", (mode) => {
  it("a second runner set of the same name without the share mark is refused and gets nothing", async () => {
    const world = await startWorld({ mode, scaleSets: [linux], clusters: ["east", "west"] });
    world.apply("west", { ...linux, clusters: ["west"] });
    await world.clock.runFor(10_000);
    world.queue("linux", { count: 6 });
    await world.jobsEnd(30_000);
    expect(world.recorder.clusterSplit().get("west") ?? 0).toBe(0);
    const refusals = world.recorder.lines().filter(({ event }) => event === "runner_set_refused");
    expect(refusals.length).toBeGreaterThan(0);
    // Its own deletion must not take the scale set away from the one that is served.
    await world.deleteSet("west", "linux");
    await world.clock.runFor(10_000);
    expect(world.service.control.scaleSets()).toHaveLength(1);
    world.queue("linux");
    await world.jobsEnd(10_000);
    await world.endClean();
  });

  it("a scale set deleted at the service is made anew and served within a minute", async () => {
    const world = await startWorld({ mode, reconcilerSettings: { verifyEveryMs: 20_000 } });
    const [before] = world.service.control.scaleSets();
    world.service.control.deleteScaleSet("linux");
    const served = () => {
      const [now] = world.service.control.scaleSets();
      return (
        now !== undefined &&
        now.key !== before?.key &&
        world.service.control.sessions().length === 1
      );
    };
    await world.until(served, 60_000, "a new scale set with a session");
    world.queue("linux", { count: 2 });
    await world.jobsEnd(10_000);
    await world.endClean();
  });
});

describe.each(modes)("a quiet fleet, in %s mode", (mode) => {
  it("writes nothing to its clusters in an hour, reconcilers included", async () => {
    const gpu = { ...linux, name: "gpu", minRunners: 1 };
    const world = await startWorld({
      mode,
      scaleSets: [shared, gpu],
      settings: { restAfterMs: undefined, invocationMs: 900_000 },
    });
    world.queue("linux", { count: 3 });
    await world.jobsEnd(10_000);
    await world.clock.runFor(60_000);
    for (const { api } of world.clusters.values()) api.clearAuditLog();
    await world.clock.runFor(3_600_000);
    const writes = [...world.clusters.values()].flatMap(({ api }) =>
      api
        .auditLog()
        .filter(
          ({ verb, user }) => !["get", "list", "watch"].includes(verb) && user.includes("runlet"),
        )
        .map(({ verb, path }) => `${verb} ${path}`),
    );
    expect(writes).toEqual([]);
    await world.endClean();
  }, 120_000);
});
