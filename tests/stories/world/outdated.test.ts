// Why: when GitHub no longer takes a runner's version, a set without a human is a loop that costs money: jobs come, runners
// end with exit code 7, the next ones are made (actions/actions-runner-controller #4404, #4652).
import { describe, expect, it } from "vitest";
import { linux, modes, startWorld, type RunningWorld } from "./running-world.ts";

const actions = "actions.github.com/v1alpha1";
const outdated = { runner: { kind: "exits", exitCode: 7, afterMs: 100 } } as const;

describe.each(modes)("a runner version that GitHub no longer takes, in %s mode", (mode) => {
  it("stops the set: no runner, no write while nothing changes, and on with a new image", async () => {
    let broken = true;
    const world = await startWorld({
      mode,
      scenario: () => (broken ? outdated : {}),
      // The service waits longer for the jobs to start than this story lasts.
      knobs: { startTimeoutMs: 3_600_000 },
    });
    const api = world.clusters.get("east")?.api;
    world.queue("linux", { count: 2 });
    await world.clock.runFor(60_000);
    api?.clearAuditLog();
    await world.clock.runFor(10 * 60_000);
    const writes = api?.auditLog().filter(({ verb, user }) => {
      return !["get", "list", "watch"].includes(verb) && user.includes("runlet");
    });
    expect(writes).toEqual([]);
    broken = false;
    const containers = [{ name: "runner", image: "newer", command: ["/home/runner/run.sh"] }];
    await world.patchSet("east", "linux", { template: { spec: { containers } } });
    await world.jobsEnd(60_000);
    await world.endClean();
  });

  it("in one of two clusters sends the jobs to the other", async () => {
    const shared = { ...linux, clusters: ["east", "west"] };
    const world = await startWorld({
      mode,
      scaleSets: [shared],
      scenario: ({ metadata }) => (inEast(world, metadata.uid) ? outdated : {}),
    });
    world.queue("linux", { count: 4, durationMs: 2_000 });
    await world.jobsEnd(150_000);
    const sets = world.clusters.get("east")?.api.objects(actions, "EphemeralRunnerSet") ?? [];
    expect(sets.map(({ status }) => status)).toMatchObject([{ phase: "Outdated" }]);
    expect(world.recorder.clusterSplit().get("west")).toBeGreaterThanOrEqual(4);
    await world.endClean();
  });
});

function inEast(world: RunningWorld, uid: string | undefined): boolean {
  const pods = world.clusters.get("east")?.api.objects("v1", "Pod") ?? [];
  return pods.some(({ metadata }) => metadata.uid === uid);
}
