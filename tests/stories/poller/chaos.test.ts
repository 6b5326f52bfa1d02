// Invariants: whatever happens in whatever order, once it stops every job ends, nothing is left above the minimum,
// nobody acts after its death, and at most one session a scale set was open. The seed says what happens.
import { describe, expect, it } from "vitest";
import { createSeededRandom, type Random } from "@runlet/runtime/random";
import { createPollerWorld, type PollerWorld } from "./poller-world.ts";

const seeds = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];

describe("a bad quarter of an hour", () => {
  it.each(seeds)(
    "seed %i: ends with every job done and nothing left over",
    async (seed) => {
      const random = createSeededRandom(seed);
      const mode = random.int(2) === 0 ? "acquire" : "auto-assign";
      const world = await createPollerWorld({
        mode,
        seed,
        clusters: ["east", "west"],
        sets: [
          { name: "linux" },
          { name: "arm", shard: "shard-1", minRunners: 1, maxRunners: 6 },
          { name: "gpu", on: ["west"], maxRunners: 2 },
        ],
        settings: {
          invocationMs: 120_000,
          restAfterMs: random.int(2) === 0 ? 30_000 : undefined,
          lookEveryMs: 60_000,
        },
        knobs: { queueTokenLifeMs: 200_000, assignWithoutSession: random.int(2) === 0 },
        failureNotices: random.int(2) === 0,
        sweep: true,
      });
      world.wake("shard-0");
      await world.clock.runFor(5_000);
      for (let round = 0; round < 30; round++) {
        misbehave(world, random);
        await world.clock.runFor(random.int(12_000));
      }
      for (const { api } of world.clusters.values()) api.setFaults([]);
      world.service.control.clearFaults();
      for (const { life } of world.invocations) life.thaw();
      // The lapse of an orphaned session, the sweep, a lease, a look, and the jobs themselves.
      await world.clock.runUntil(() => world.jobsLeft() === 0, 60 * 60_000, "the end of all jobs");
      await world.clock.runUntil(() => isSettled(world), 30 * 60_000, "the settled pairs");
      for (const { life } of world.invocations) expect(life.afterDeath).toEqual([]);
      expect(world.logged("session_held_by_another")).toEqual([]);
      const failures = world.invocations.filter(({ error }) => error !== undefined);
      expect(failures.map(({ error }) => String(error))).toEqual([]);
      world.end();
    },
    60_000,
  );
});

/** One thing that goes wrong, or one more order of jobs. */
function misbehave(world: PollerWorld, random: Random): void {
  const alive = world.invocations.filter(
    ({ life, endedAt }) => endedAt === undefined && life.state() === "alive",
  );
  const victim = alive[random.int(Math.max(1, alive.length))];
  const { control } = world.service;
  const cluster = random.int(2) === 0 ? "east" : "west";
  const { api } = world.cluster(cluster);
  const things: (() => void)[] = [
    () => world.queue(1 + random.int(4), { scaleSet: "linux", durationMs: random.int(20_000) }),
    () => world.queue(1 + random.int(4), { scaleSet: "arm", durationMs: random.int(20_000) }),
    () => world.queue(1, { scaleSet: "gpu", durationMs: random.int(20_000) }),
    () => victim && world.kill(victim),
    () => {
      if (!victim) return;
      victim.life.freeze();
      world.clock.after(random.int(40_000), () => victim.life.thaw());
    },
    () => control.expireQueueTokens(),
    () => control.addFault({ route: "poll", status: 500, times: 1 + random.int(4) }),
    () => control.addFault({ route: "*", status: 503, times: random.int(6), chance: 0.5 }),
    () =>
      control.addFault({ route: "acknowledge", drop: random.int(2) === 0 ? "before" : "after" }),
    () => control.addFault({ route: "acquireJobs", drop: "after" }),
    () => control.addFault({ route: "poll", answer: "empty-body" }),
    () => {
      const lift = api.addFault({
        effect: { kind: random.int(2) === 0 ? "unreachable" : "silence" },
      });
      world.clock.after(random.int(60_000), lift);
    },
    () => void api.addFault({ effect: { kind: "lost-answer" }, verb: "patch", times: 2 }),
    () => void api.addFault({ effect: { kind: "status", status: 500 }, times: 3, chance: 0.5 }),
    () => void api.cutWatches(),
    () => world.start({ shard: `shard-${random.int(2)}`, reason: "successor" }),
    () => world.start({ shard: `shard-${random.int(2)}`, reason: "webhook" }),
  ];
  things[random.int(things.length)]?.();
}

function isSettled(world: PollerWorld): boolean {
  const least: [string, string, number][] = [
    ["linux", "east", 0],
    ["linux", "west", 0],
    ["arm", "east", 1],
    ["arm", "west", 1],
    ["gpu", "west", 0],
  ];
  return least.every(([name, on, count]) => {
    const [replicas, patchId] = world.pair(name, on);
    const runners = world.cluster(on).hands.runners();
    const mine = runners.filter(({ runnerSet }) => runnerSet === `${name}-${on}`);
    return replicas === count && patchId === 0 && mine.length === count;
  });
}
