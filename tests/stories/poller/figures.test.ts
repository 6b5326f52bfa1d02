// What alarms look at: each story brings about what its alarm is for, and looks at the figure that tells of it.
import { afterEach, describe, expect, it } from "vitest";
import { ephemeralRunnerSets } from "@runlet/kubernetes/resources";
import { namespace } from "./add-runner-set.ts";
import { createPollerWorld, type PollerWorld } from "./poller-world.ts";

const minute = 60_000;

let world: PollerWorld;
afterEach(() => world.end());

/** How much was counted so far. */
function counted(metric: string): number {
  const lines = world.logged("counted").filter((line) => line["metric"] === metric);
  return lines.reduce((sum, { by }) => sum + Number(by), 0);
}

function observed(metric: string): number[] {
  const lines = world.logged("observed").filter((line) => line["metric"] === metric);
  return lines.map(({ value }) => Number(value));
}

describe.each(["acquire", "auto-assign"] as const)("the figures of a poller (%s)", (mode) => {
  it("show for how long jobs wait of which none begins, over hand-overs too", async () => {
    world = await createPollerWorld({ mode, bootMs: 60 * minute, sweep: true });
    await world.clock.runFor(5_000);
    world.queue(2);
    await world.clock.runFor(9 * minute);
    expect(Math.max(...observed("jobs-waiting"))).toBeLessThan(10 * minute);
    await world.clock.runFor(25 * minute);
    expect(Math.max(...observed("jobs-waiting"))).toBeGreaterThan(30 * minute);
    expect(counted("hand-overs")).toBeGreaterThan(0);
  });

  it("show no waiting once a job has begun, and the time to its runner", async () => {
    world = await createPollerWorld({ mode, bootMs: 90_000 });
    world.wake();
    await world.clock.runFor(5_000);
    world.queue(1, { durationMs: 30 * minute });
    await world.clock.runFor(3 * minute);
    const waited = observed("jobs-waiting").length;
    await world.clock.runFor(10 * minute);
    expect(observed("jobs-waiting").length, "nothing waits any more").toBe(waited);
    const [start = 0, ...more] = observed("job-start");
    expect(more).toEqual([]);
    expect(start).toBeGreaterThanOrEqual(90_000);
    expect(start).toBeLessThan(95_000);
  });

  it("name each step of a job by run and name, and its runner, which is its pod", async () => {
    world = await createPollerWorld({ mode });
    world.wake();
    await world.clock.runFor(5_000);
    const [job] = world.queue(1, { durationMs: 1_000 });
    await world.clock.runFor(20_000);
    const steps = world.lines.filter(({ event }) =>
      /^job_(assigned|started|completed)$/.test(event),
    );
    const { workflowRunId: runId, displayName: jobName } = job ?? {};
    const ends = [{}, { runnerName: /^linux-/ }, { runnerName: /^linux-/, result: /^succeeded$/ }];
    expect(steps).toMatchObject(
      ["job_assigned", "job_started", "job_completed"].map((event, at) => ({
        event,
        runId: String(runId),
        jobName,
        ...Object.fromEntries(
          Object.entries(ends[at] ?? {}).map(([key, like]) => [key, expect.stringMatching(like)]),
        ),
      })),
    );
  });

  it("count a session that another listener holds, once", async () => {
    world = await createPollerWorld({ mode });
    world.service.control.takeSession("linux", "somebody-else");
    world.wake();
    await world.clock.runFor(30_000);
    expect(counted("session-conflicts")).toBe(1);
  });

  it("count a write that is held back: for a larger fence, and for another installation's", async () => {
    for (const fence of ["larger", "foreign"] as const) {
      world = await createPollerWorld({ mode });
      world.wake();
      await world.clock.runFor(5_000);
      expect(counted("fences-refused")).toBe(0);
      const seen = world.runnerSet().metadata.annotations?.["runlet.dev/fence"] ?? "";
      const theirs = fence === "larger" ? seen.replace(/\d+$/, "900") : "somebody-else:1";
      const annotations = { "runlet.dev/fence": theirs };
      await world
        .cluster("east")
        .client.patch(
          ephemeralRunnerSets,
          { namespace, name: "linux-east" },
          { type: "merge", body: { metadata: { annotations } } },
        );
      world.queue();
      await world.clock.runFor(5_000);
      expect(counted("fences-refused"), fence).toBe(1);
      if (fence === "larger") world.end();
    }
  });

  it("count a holder's death as a take-over", async () => {
    world = await createPollerWorld({ mode, sweep: true });
    const holder = world.wake();
    await world.clock.runFor(5_000);
    world.kill(holder);
    await world.clock.runFor(90_000);
    expect(counted("take-overs")).toBe(1);
  });
});
