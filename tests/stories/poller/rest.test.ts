import { afterEach, describe, expect, it } from "vitest";
import { autoscalingRunnerSets } from "@runlet/kubernetes/resources";
import { createPollerWorld, type PollerWorld, type WorldOptions } from "./poller-world.ts";

let world: PollerWorld;
afterEach(() => world.end());

const settings = { restAfterMs: 60_000, lookEveryMs: 10 * 60_000, lookPollMs: 5_000 };
const sessionsOpen = () => world.service.control.sessions().length;
const controlPlaneCalls = () =>
  world
    .cluster("east")
    .api.auditLog()
    .filter(({ userAgent }) => userAgent.startsWith("runlet-control")).length;
const ended = (how: string) => world.invocations.filter(({ result }) => result?.ended === how);

async function resting(options: WorldOptions): Promise<void> {
  world = await createPollerWorld({ ...options, settings: { ...settings, ...options.settings } });
  world.wake();
  await world.clock.runUntil(() => ended("rested").length === 1, 5 * 60_000, "the rest");
}

describe.each([
  ["acquire", false],
  ["auto-assign", false],
  ["auto-assign", true],
] as const)("a resting shard (%s, jobs without a session: %s)", (mode, assignWithoutSession) => {
  const knobs = { assignWithoutSession };

  it("has closed its sessions, says when it is to be looked at, and costs nothing", async () => {
    await resting({ mode, knobs });
    expect(sessionsOpen()).toBe(0);
    await world.clock.runFor(1_000);
    const before = [world.puts.length, controlPlaneCalls()];
    await world.clock.runFor(5 * 60_000);
    expect([world.puts.length, controlPlaneCalls()]).toEqual(before);
    expect(world.lines.filter(({ level }) => level === "error")).toEqual([]);
  });

  it("is woken by a webhook at once", async () => {
    await resting({ mode, knobs });
    world.queue();
    world.wake();
    await world.clock.runUntil(() => world.pair()[0] === 1, 1_000, "the patch");
    await world.clock.runUntil(() => world.jobsLeft() === 0, 10_000, "the job");
  });

  it("is found by its look when the webhook was lost", async () => {
    await resting({ mode, knobs, sweep: true });
    const restedAt = ended("rested")[0]?.endedAt ?? 0;
    await world.clock.runFor(30_000);
    world.queue();
    const left = restedAt + settings.lookEveryMs + 60_000 + 2_000 - world.clock.nowMs();
    await world.clock.runUntil(() => world.pair()[0] === 1, left, "the patch after the look");
    await world.clock.runUntil(() => world.jobsLeft() === 0, 10_000, "the job");
  });

  it("acts on raised minRunners, and on a cluster that is being emptied, within the sweep's minute", async () => {
    await resting({ mode, knobs, sweep: true });
    // The first sweep writes the bounds into the row.
    await world.clock.runFor(3 * 60_000);
    const { client } = world.cluster("east");
    const raised = { type: "merge", body: { spec: { minRunners: 2 } } } as const;
    await client.patch(autoscalingRunnerSets, { namespace: "runners", name: "linux" }, raised);
    await world.clock.runUntil(() => world.pair()[0] === 2, 62_000, "the runners");
    await world.clock.runFor(3 * 60_000);
    const [east] = await world.registry.listClusters();
    await world.registry.putCluster(
      { name: "east", accessRef: "east", draining: true },
      east?.version,
    );
    await world.clock.runUntil(() => world.pair()[0] === 0, 62_000, "the emptied cluster");
  });

  it("rests again after a look that found nothing, within its poll time and seconds", async () => {
    await resting({ mode, knobs, sweep: true });
    await world.clock.runUntil(() => ended("rested").length === 2, 12 * 60_000, "the second rest");
    const look = ended("rested")[1];
    expect(look?.reason).toBe("look");
    expect((look?.endedAt ?? 0) - (look?.startedAt ?? 0)).toBeLessThanOrEqual(15_000);
    expect(sessionsOpen()).toBe(0);
    expect(world.events.filter(({ kind }) => kind === "session-refused")).toEqual([]);
  });

  it("is not kept awake by a set whose deletion does not end, and opens no session for it", async () => {
    await resting({ mode, knobs, sweep: true, sets: [{ name: "linux", minRunners: 1 }] });
    expect(world.pair()[0]).toBe(1);
    const { client } = world.cluster("east");
    const key = { namespace: "runners", name: "linux" };
    const body = { metadata: { finalizers: ["stories.example/held"] } };
    await client.patch(autoscalingRunnerSets, key, { type: "merge", body });
    await client.remove(autoscalingRunnerSets, key);
    const created = world.events.filter(({ kind }) => kind === "session-created").length;
    await world.clock.runUntil(() => ended("rested").length === 3, 25 * 60_000, "the third rest");
    expect(world.events.filter(({ kind }) => kind === "session-created").length).toBe(created);
    expect(world.pair()[0]).toBe(0);
  });

  it("does not sleep over a job that came at the moment of its release", async () => {
    let closed = false;
    let queued = false;
    await resting({
      mode,
      knobs,
      onEffect({ what, phase }) {
        if (phase !== "before" || queued) return;
        if (/^fetch DELETE .*\/sessions\//.test(what)) closed = true;
        // The tally was read for the last time and the session is closed; this put gives the lease up.
        if (!closed || what !== "table put lease/shard-0") return;
        queued = true;
        world.queue();
        // The webhook of that very moment finds a holder, and leaves a flag.
        void leaveFlag();
      },
    });
    expect(queued).toBe(true);
    await world.clock.runUntil(() => world.pair()[0] === 1, 2_000, "the patch");
    await world.clock.runUntil(() => world.jobsLeft() === 0, 10_000, "the job");
  });
});

/** What a webhook does: write the flag, then read the lease. */
async function leaveFlag(): Promise<void> {
  const row = { key: "flag/shard-0", version: "a-webhook", value: { set: true } };
  await world.table.put(row, { absent: true });
}

describe.each(["acquire", "auto-assign"] as const)("a shard (%s)", (mode) => {
  it("never rests while a job waits, runs, or a runner above the minimum is left", async () => {
    world = await createPollerWorld({ mode, settings });
    world.wake();
    await world.clock.runFor(30_000);
    world.queue(1, { durationMs: 4 * 60_000 });
    await world.clock.runFor(4 * 60_000);
    expect(ended("rested")).toEqual([]);
    await world.clock.runUntil(() => ended("rested").length === 1, 5 * 60_000, "the rest");
    expect(world.pair()).toEqual([0, 0]);
    expect(world.jobsLeft()).toBe(0);
  });

  it("without a scale set left ends, also when the setting is off", async () => {
    world = await createPollerWorld({ mode, settings: { restAfterMs: undefined } });
    world.wake();
    await world.clock.runFor(30_000);
    const found = await world.registry.findScaleSet(world.keys[0] ?? "");
    if (found) await world.registry.removeScaleSet(found.row.key, found.version);
    await world.clock.runUntil(() => ended("rested").length === 1, 30_000, "the end");
  });

  it("does not rest when the setting is off", async () => {
    world = await createPollerWorld({ mode, settings: { restAfterMs: undefined } });
    world.wake();
    await world.clock.runFor(30 * 60_000);
    expect(ended("rested")).toEqual([]);
    expect(sessionsOpen()).toBe(1);
  });

  it("whose session cannot be closed rests all the same, and goes on with it at the next look", async () => {
    world = await createPollerWorld({ mode, settings });
    world.service.control.addFault({ route: "deleteSession", status: 503, times: 100 });
    world.wake();
    await world.clock.runUntil(() => ended("rested").length === 1, 5 * 60_000, "the rest");
    world.service.control.clearFaults();
    world.wake();
    world.queue();
    await world.clock.runUntil(() => world.jobsLeft() === 0, 20_000, "the job");
    expect(world.events.filter(({ kind }) => kind === "session-refused")).toEqual([]);
  });
});
