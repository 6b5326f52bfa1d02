import { afterEach, describe, expect, it } from "vitest";
import { createFaultyTable, type TableFaults } from "@runlet/coordination/faulty-table";
import type { Table } from "@runlet/coordination/table";
import { createSeededRandom } from "@runlet/runtime/random";
import type { VirtualClock } from "@runlet/runtime/virtual-clock";
import type { Knobs, Mode } from "@runlet/simulators/actions-service/knobs";
import { createPollerWorld, type PollerWorld } from "./poller-world.ts";

let world: PollerWorld;
afterEach(() => world.end());

/** The longest time (ms) between the first poll and `to` in which no poll of the scale set was open. */
function longestGap(of: PollerWorld, to: number, name = "linux"): number {
  const scaleSet = of.service.control.findScaleSet(name)?.key;
  let open = 0;
  let closedAt: number | undefined;
  let longest = 0;
  for (const event of of.events) {
    if (!("poll" in event) || event.scaleSet !== scaleSet || event.at > to) continue;
    if (event.kind === "poll-opened") {
      if (open === 0 && closedAt !== undefined) longest = Math.max(longest, event.at - closedAt);
      open++;
    } else {
      open--;
      if (open === 0) closedAt = event.at;
    }
  }
  return open === 0 && closedAt !== undefined ? Math.max(longest, to - closedAt) : longest;
}

/**
 * Two sets, each with a cluster of its own. A second before their hand-over begins the cluster of "linux" takes no
 * patch any more, and a job asks for one. Returns its recovery.
 */
async function hangOneTurn(mode: Mode, knobs: Partial<Knobs> = {}): Promise<() => void> {
  world = await createPollerWorld({
    mode,
    clusters: ["east", "west"],
    sets: [
      { name: "linux", on: ["east"] },
      { name: "arm", on: ["west"] },
    ],
    settings: { invocationMs: 60_000 },
    knobs,
  });
  world.wake();
  await world.clock.runFor(44_000);
  const { api } = world.cluster("east");
  const lift = api.addFault({ effect: { kind: "silence" }, verb: "patch" });
  world.queue(1, { durationMs: 1_000 });
  return lift;
}

/** From the take-over by the successor. */
function untilFirstPollMs(): number {
  const taken = world.logged("shard_taken")[1]?.at ?? Infinity;
  const first = world.events.find(({ kind, at }) => kind === "poll-opened" && at >= taken);
  return (first?.at ?? Infinity) - taken;
}

describe.each(["acquire", "auto-assign"] as const)("a planned hand-over (%s)", (mode) => {
  it("leaves no instant over 100 ms without a poll, in twenty of them under load", async () => {
    world = await createPollerWorld({
      mode,
      settings: { invocationMs: 22_000, reserveMs: 10_000 },
      coldStartMs: 1_500,
      bootMs: 500,
    });
    const { clock } = world;
    world.wake();
    await clock.runFor(2_000);
    const handed = () =>
      world.invocations.filter(({ result }) => result?.ended === "handed-over").length;
    for (let second = 0; handed() < 20; second++) {
      if (second % 3 === 0)
        world.queue(1 + (second % 4), { durationMs: 1_000 + (second % 5) * 700 });
      await clock.runFor(1_000);
      expect(second).toBeLessThan(20 * 60);
    }
    expect(longestGap(world, clock.nowMs())).toBeLessThanOrEqual(100);
    await clock.runUntil(() => world.jobsLeft() === 0, 20_000, "the jobs' end");
    expect(world.events.filter(({ kind }) => kind === "session-created").length).toBe(1);
    expect(world.events.filter(({ kind }) => kind === "session-refused")).toEqual([]);
    expect(world.events.filter(({ kind }) => kind === "session-refreshed")).toEqual([]);
    expect(world.logged("scale_set_failed")).toEqual([]);
    expect(world.invocations.every(({ error }) => error === undefined)).toBe(true);
  }, 60_000);

  it("is followed within 20 ms: the successor has heard that the release comes", async () => {
    world = await createPollerWorld({ mode, settings: { invocationMs: 60_000 } });
    world.wake();
    await world.clock.runFor(10 * 60_000);
    const released = world.logged("lease_given_up");
    const taken = world.logged("shard_taken").slice(1);
    expect(released.length).toBeGreaterThan(10);
    for (const [index, { at }] of released.entries()) {
      expect((taken[index]?.at ?? Infinity) - at).toBeLessThanOrEqual(20);
    }
  });

  it("lets no poll wait for the deletion of a message that was acted on", async () => {
    const settings = { invocationMs: 60_000 };
    world = await createPollerWorld({ mode, settings });
    const { clock } = world;
    world.wake();
    await clock.runFor(5_000);
    // Its last message is checkpointed as undeleted, which it is not for long.
    world.queue(1, { durationMs: 1_000 });
    await clock.runUntil(() => world.jobsLeft() === 0, 10_000, "the job");
    await clock.runFor(5_000);
    world.service.control.addFault({ route: "acknowledge", delayMs: 3_000 });
    await clock.runFor(40_000);
    expect(world.logged("shard_handed_over").length).toBe(1);
    await clock.runFor(70_000);
    expect(untilFirstPollMs()).toBeLessThanOrEqual(100);
    expect(world.service.control.messages("linux")?.log).toEqual([]);
  });

  it("leaves none either when each step of the successor takes its time", async () => {
    const settings = { invocationMs: 60_000 };
    const faults: TableFaults = {};
    const random = createSeededRandom(7);
    const tableOf = (table: Table, clock: VirtualClock) =>
      createFaultyTable(table, { clock, random, faults });
    world = await createPollerWorld({ mode, settings, tableOf });
    const { clock } = world;
    world.wake();
    await clock.runFor(5_000);
    faults.latencyMs = 300;
    await clock.runFor(55_000);
    expect(world.logged("shard_taken").length).toBe(2);
    expect(untilFirstPollMs()).toBeGreaterThan(100);
    expect(longestGap(world, clock.nowMs())).toBeLessThanOrEqual(100);
  });

  it("waits for a successor that has still to list its clusters", async () => {
    world = await createPollerWorld({ mode, settings: { invocationMs: 60_000 } });
    world.wake();
    await world.clock.runFor(40_000);
    const { api } = world.cluster("east");
    api.addFault({ effect: { kind: "latency", ms: 1_500 }, verb: "list" });
    await world.clock.runFor(10_000);
    expect(untilFirstPollMs()).toBeLessThanOrEqual(100);
  });

  it("leaves none either to a set whose poll ends while another's turn hangs", async () => {
    const lift = await hangOneTurn(mode, { holdMs: 1_000 });
    const { clock } = world;
    const began = clock.nowMs();
    const released = () => world.logged("shard_handed_over").length === 1;
    await clock.runUntil(released, 5_000, "the release");
    // In that time every poll comes to its end at least once.
    expect(clock.nowMs() - began).toBeGreaterThan(2_500);
    lift();
    await clock.runUntil(() => world.jobsLeft() === 0, 15_000, "the job");
    expect(longestGap(world, clock.nowMs(), "arm")).toBeLessThanOrEqual(100);
  });

  it("does not ask again and again for a message that it cannot act on any more", async () => {
    const lift = await hangOneTurn(mode);
    const { clock } = world;
    // Turns are closed half a second after it has begun, for two seconds at most.
    await clock.runFor(2_000);
    const arm = world.service.control.findScaleSet("arm")?.key;
    let told = 0;
    world.service.listen((event) => {
      if (event.kind !== "message-delivered" || event.scaleSet !== arm) return;
      // Time stands still while it is asked for at once: the story would not end.
      if (++told > 10) for (const one of world.invocations) world.kill(one);
    });
    world.queue(1, { scaleSet: "arm", durationMs: 1_000 });
    await clock.runFor(500);
    expect(told).toBe(1);
    lift();
    await clock.runUntil(() => world.jobsLeft() === 0, 15_000, "both jobs");
  });

  it("writes nothing to cluster and checkpoint when all is quiet", async () => {
    world = await createPollerWorld({ mode, settings: { invocationMs: 60_000 } });
    const { clock } = world;
    world.wake();
    await clock.runFor(30_000);
    const writes = () =>
      world
        .cluster("east")
        .api.auditLog()
        .filter(({ verb }) => verb === "patch").length;
    const checkpoints = () => world.puts.filter(({ key }) => key.startsWith("checkpoint/")).length;
    const before = [writes(), checkpoints()];
    await clock.runFor(10 * 60_000);
    expect(world.invocations.length).toBeGreaterThan(10);
    expect([writes(), checkpoints()]).toEqual(before);
  });
});

describe("a hand-over that goes wrong", () => {
  it("with a successor that never comes: released all the same, and the sweep finds the shard", async () => {
    let lost = 0;
    world = await createPollerWorld({
      mode: "acquire",
      settings: { invocationMs: 60_000 },
      sweep: true,
      onEffect(point, _life, invocation) {
        // Every successor of the first invocation dies before its first line.
        if (invocation.reason !== "successor" || point.index !== 0 || lost >= 3) return;
        lost++;
        invocation.life.kill();
      },
    });
    const { clock } = world;
    world.wake();
    await clock.runFor(58_000);
    expect(lost).toBe(3);
    world.queue(1, { durationMs: 1_000 });
    await clock.runUntil(() => world.jobsLeft() === 0, 60_000 + 15_000 + 2_000 + 5_000, "the job");
    expect(world.events.filter(({ kind }) => kind === "session-refused")).toEqual([]);
  });

  it("with a wake in the middle of it: the successor takes the shard, and hears of the wake", async () => {
    world = await createPollerWorld({ mode: "acquire", settings: { invocationMs: 60_000 } });
    const { clock, table } = world;
    world.wake();
    await clock.runUntil(() => world.invocations.length === 2, 50_000, "the successor's start");
    const flag = { key: "flag/shard-0", version: "a-waker", value: { set: true } };
    await clock.runFor(400);
    await table.put(flag, { absent: true });
    await clock.runFor(10_000);
    expect(world.logged("shard_taken").map(({ reason }) => reason)).toEqual([
      "webhook",
      "successor",
    ]);
    expect(world.invocations.length).toBe(2);
    expect(await table.get(flag.key)).toBeUndefined();
  });

  it("with a successor that dies at the release: another one serves within a second", async () => {
    world = await createPollerWorld({ mode: "auto-assign", settings: { invocationMs: 60_000 } });
    const { clock } = world;
    world.wake();
    const released = () => world.logged("lease_given_up").length === 1;
    await clock.runUntil(released, 50_000, "the release");
    const [, successor] = world.invocations;
    if (!successor) throw new Error("nobody was started");
    world.kill(successor);
    await clock.runUntil(() => world.logged("shard_taken").length === 2, 1_000, "the take-over");
    world.queue(1, { durationMs: 1_000 });
    await clock.runUntil(() => world.jobsLeft() === 0, 5_000, "the job");
  });

  it("with a successor that cannot read the clusters at first: it comes forward all the same", async () => {
    let refused = 0;
    world = await createPollerWorld({
      mode: "acquire",
      settings: { invocationMs: 60_000 },
      tableOf: (table, clock) => ({
        ...table,
        async list(prefix) {
          const isTime = clock.nowMs() >= 44_500 && clock.nowMs() < 47_000;
          if (!isTime || prefix !== "cluster/") return table.list(prefix);
          refused++;
          throw new Error("the table is away");
        },
      }),
    });
    const { clock } = world;
    world.wake();
    await clock.runFor(62_000);
    expect(refused).toBeGreaterThan(0);
    expect(world.logged("shard_taken").map(({ reason }) => reason)).toEqual([
      "webhook",
      "successor",
    ]);
    expect(world.invocations.map(({ error }) => error)).toEqual([undefined, undefined]);
    expect(longestGap(world, clock.nowMs())).toBeLessThanOrEqual(100);
  });

  it("with two successors at once: one serves, the other leaves or waits, nobody fights", async () => {
    world = await createPollerWorld({ mode: "auto-assign", settings: { invocationMs: 60_000 } });
    const { clock } = world;
    world.wake();
    await clock.runFor(44_000);
    world.start({ shard: "shard-0", reason: "successor" });
    world.start({ shard: "shard-0", reason: "webhook" });
    await clock.runFor(3_000);
    world.queue(4, { durationMs: 1_000 });
    await clock.runUntil(() => world.jobsLeft() === 0, 10_000, "the jobs");
    await clock.runFor(33_000);
    const serving = world.invocations.filter(({ endedAt }) => endedAt === undefined);
    expect(serving.length).toBe(1);
    expect(world.events.filter(({ kind }) => kind === "session-created").length).toBe(1);
    expect(world.logged("shard_lost")).toEqual([]);
  });

  it("while a turn hangs: the turn is cut off and its message is acted on by the successor", async () => {
    world = await createPollerWorld({ mode: "acquire", settings: { invocationMs: 60_000 } });
    const { clock } = world;
    world.wake();
    await clock.runFor(44_000);
    const lift = world.cluster("east").api.addFault({ effect: { kind: "silence" }, verb: "patch" });
    world.queue(1, { durationMs: 1_000 });
    await clock.runUntil(
      () => world.logged("shard_handed_over").length === 1,
      5_000,
      "the release",
    );
    lift();
    await clock.runUntil(() => world.jobsLeft() === 0, 15_000, "the job");
    expect(world.invocations[0]?.result?.ended).toBe("handed-over");
  });
});
