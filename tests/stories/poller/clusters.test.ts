import { afterEach, describe, expect, it } from "vitest";
import { autoscalingRunnerSets, ephemeralRunnerSets } from "@runlet/kubernetes/resources";
import type { FaultEffect } from "@runlet/simulators/kube-api/faults";
import { createPollerWorld, type PollerWorld, type WorldOptions } from "./poller-world.ts";

let world: PollerWorld;
afterEach(() => world.end());

const two = ["east", "west"];
const pairs = () => two.map((on) => world.pair("linux", on)[0]);
const running = () => world.service.control.ledger().counts.running;
const runnerSet = { namespace: "runners", name: "linux" };

async function serving(options: Partial<WorldOptions> & Pick<WorldOptions, "mode">): Promise<void> {
  world = await createPollerWorld({ clusters: two, ...options });
  world.wake();
  await world.clock.runFor(5_000);
}

/** The cluster answers nobody, runners there included; returns its recovery. */
function blackout(name: string, effect: FaultEffect): () => void {
  return world.cluster(name).api.addFault({ effect });
}

describe.each(["acquire", "auto-assign"] as const)("two clusters (%s)", (mode) => {
  it("share the jobs by weight, and the one whose runner completed gives its place back", async () => {
    await serving({ mode });
    world.queue(6, { durationMs: 20_000 });
    await world.clock.runUntil(() => pairs().join() === "3,3", 1_000, "the split");
    await world.clock.runUntil(() => world.jobsLeft() === 0, 60_000, "the jobs");
    await world.clock.runUntil(() => pairs().join() === "0,0", 1_000, "the fall");
  });

  it("prefer the one of higher priority until it is full", async () => {
    world = await createPollerWorld({ mode, clusters: two, sets: [] });
    await world.addSet({ name: "linux", maxRunners: 2 });
    await annotate("west", { "runlet.dev/priority": "5" });
    world.wake();
    await world.clock.runFor(5_000);
    world.queue(3, { durationMs: 10_000 });
    await world.clock.runUntil(() => pairs().join() === "1,2", 1_000, "the split");
    await world.clock.runUntil(() => world.jobsLeft() === 0, 60_000, "the jobs");
  });

  it.each<[string, FaultEffect]>([
    ["refuses connections", { kind: "unreachable" }],
    ["is a black hole", { kind: "silence" }],
  ])(
    "one of them %s: only jobs that have not started move, and they start within the minute",
    async (_n, effect) => {
      await serving({ mode, bootMs: 4_000 });
      world.queue(4, { durationMs: 300_000 });
      await world.clock.runUntil(() => running() === 4, 30_000, "the start of four");
      await world.clock.runFor(2_000);
      expect(pairs()).toEqual([2, 2]);
      blackout("east", effect);
      const [job] = world.queue(2, { durationMs: 20_000 });
      const state = () => world.service.control.findJob(job?.key ?? "")?.state;
      let most = 0;
      for (let passedMs = 0; passedMs < 60_000; passedMs += 500) {
        await world.clock.runFor(500);
        most = Math.max(most, world.pair("linux", "west")[0]);
        if (passedMs > 30_000 && most > 0) expect(state()).not.toBe("assigned");
      }
      // Two run in the west and two wait: never the share of the two that run in the east. A tally that is older
      // than what the watch shows may cost one runner too many for a moment, never one too few.
      expect(most).toBeGreaterThanOrEqual(4);
      expect(most).toBeLessThanOrEqual(5);
    },
  );

  it("a black hole beside a healthy one delays the healthy one once, by one effect's time limit at most", async () => {
    await serving({ mode });
    blackout("east", { kind: "silence" });
    world.queue(2, { durationMs: 20_000 });
    // An acquire-mode server announces first: that message is held up, and no other.
    const limitMs = mode === "acquire" ? 10_200 : 200;
    const west = () => world.pair("linux", "west")[0];
    await world.clock.runUntil(() => west() >= 1, limitMs, "the healthy patch");
    await world.clock.runUntil(() => west() === 2, 12_000, "the other's job");
    world.queue(1, { durationMs: 3_000 });
    await world.clock.runUntil(() => west() === 3, 200, "no second delay");
    await world.clock.runUntil(() => world.jobsLeft() === 0, 40_000, "the jobs");
    const acknowledged = world.events.filter(({ kind }) => kind === "message-deleted").length;
    expect(acknowledged).toBe(
      world.events.filter(({ kind }) => kind === "message-delivered").length,
    );
  });

  it("one that comes back is told what it is owed, and gets its share slowly", async () => {
    await serving({ mode, settings: { probeEveryMs: 5_000 } });
    const back = blackout("east", { kind: "unreachable" });
    await world.clock.runFor(15_000);
    world.queue(2, { durationMs: 120_000 });
    await world.clock.runUntil(
      () => world.pair("linux", "west")[0] === 2,
      12_000,
      "all in the west",
    );
    await world.clock.runUntil(() => running() === 2, 12_000, "both run");
    back();
    await world.clock.runFor(6_000);
    world.queue(6, { durationMs: 20_000 });
    await world.clock.runUntil(() => sum() === 8, 1_000, "eight runners in all");
    expect(world.pair("linux", "east")[0]).toBeLessThanOrEqual(2);
    await world.clock.runUntil(() => world.jobsLeft() === 0, 200_000, "the jobs");
    await world.clock.runUntil(() => sum() === 0, 110_000, "nothing left");
  });

  it("JobStarted of a silent cluster is owed, and written when it answers", async () => {
    await serving({ mode, bootMs: 8_000 });
    world.queue(2, { durationMs: 60_000 });
    await world.clock.runUntil(() => pairs().join() === "1,1", 1_000, "the split");
    await world.clock.runFor(6_000);
    const back = blackout("east", { kind: "silence" });
    await world.clock.runUntil(() => running() === 2, 30_000, "both run");
    await world.clock.runFor(15_000);
    const marked = () =>
      world
        .cluster("east")
        .api.objects("actions.github.com/v1alpha1", "EphemeralRunner")
        .filter((one) => (one["status"] as { jobId?: string } | undefined)?.jobId).length;
    expect(marked()).toBe(0);
    back();
    await world.clock.runUntil(() => marked() === 1, 15_000, "the owed fact");
  });

  it("runners refused by the first one's quota are placed in the other after a minute", async () => {
    world = await createPollerWorld({ mode, clusters: two, sets: [] });
    await world.addSet({ name: "linux" });
    await annotate("east", { "runlet.dev/priority": "5" });
    world.cluster("east").hands.refuse(true);
    world.wake();
    await world.clock.runFor(5_000);
    world.queue(3, { durationMs: 5_000 });
    await world.clock.runUntil(
      () => world.pair("linux", "east")[0] === 3,
      1_000,
      "all in the east",
    );
    const refused = JSON.stringify({
      count: 3,
      since: new Date(world.clock.wallMs()).toISOString(),
    });
    await world
      .cluster("east")
      .client.patch(
        ephemeralRunnerSets,
        { namespace: "runners", name: "linux-east" },
        { type: "merge", body: { metadata: { annotations: { "runlet.dev/refused": refused } } } },
      );
    await world.clock.runFor(55_000);
    expect(pairs()).toEqual([3, 0]);
    world.queue(1, { durationMs: 5_000 });
    await world.clock.runUntil(() => pairs().join() === "3,1", 1_000, "no more to the full one");
    await world.clock.runUntil(() => pairs().join() === "0,4", 7_000, "the move");
    await world.clock.runUntil(() => world.jobsLeft() === 0, 30_000, "the jobs");
  });

  it("a set deleted in one cluster lives on in the other; deleted in both, its session is closed", async () => {
    await serving({ mode });
    await remove("east");
    await world.clock.runFor(500);
    world.queue(2, { durationMs: 3_000 });
    await world.clock.runUntil(
      () => world.pair("linux", "west")[0] === 2,
      1_000,
      "all in the west",
    );
    expect(world.pair("linux", "east")[0]).toBe(0);
    await world.clock.runUntil(() => world.jobsLeft() === 0, 20_000, "the jobs");
    await remove("west");
    await world.clock.runUntil(
      () => world.service.control.sessions().length === 0,
      2_000,
      "the close",
    );
    expect(world.logged("session_closed").length).toBe(1);
  });

  it("a refused close of the session is tried again", async () => {
    await serving({ mode, clusters: ["east"] });
    world.service.control.addFault({ route: "deleteSession", status: 503, times: 8 });
    await remove("east");
    await world.clock.runUntil(
      () => world.service.control.sessions().length === 0,
      130_000,
      "the close",
    );
  });
});

function sum(): number {
  return pairs().reduce((all, one) => all + one, 0);
}

async function annotate(name: string, values: Record<string, string>): Promise<void> {
  const body = { metadata: { annotations: values } };
  await world.cluster(name).client.patch(autoscalingRunnerSets, runnerSet, { type: "merge", body });
}

/** A finalizer holds it, as our reconciler's would. */
async function remove(name: string): Promise<void> {
  const { client } = world.cluster(name);
  const body = { metadata: { finalizers: ["stories.example/held"] } };
  await client.patch(autoscalingRunnerSets, runnerSet, { type: "merge", body });
  await client.remove(autoscalingRunnerSets, runnerSet);
}
