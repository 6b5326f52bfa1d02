// Why: the mistakes of a lease lie in schedules nobody thinks of. Several invocations live on clocks of
// different speed, are frozen, find their wall clocks moved, die and abort, over a table that throttles, is slow, and loses answers and
// requests, some of which arrive late. Whatever happens:
//   I14, I15  once a later taker has acted, no earlier one starts anything any more;
//   I4        the number in the lease row never falls, and grows with each taker;
//   liveness  when the faults stop, somebody acts within a lease and a bit.
import fc from "fast-check";
import { expect, test } from "vitest";
import type { HeldLease } from "./lease.ts";
import { toView } from "./lease-row.ts";
import {
  createLeaseWorld,
  inTime,
  settings,
  shard,
  type Invocation,
  type LeaseWorld,
} from "./testing/lease-world.ts";

const faultyMs = 40_000;
const { leaseMs, heartbeatMs } = settings;

const schedule = fc.record({
  seed: fc.nat(),
  rates: fc.array(fc.double({ min: 0.9, max: 1.1, noNaN: true }), { minLength: 2, maxLength: 4 }),
  freezes: fc.array(
    fc.record({
      who: fc.nat({ max: 3 }),
      atMs: fc.nat({ max: faultyMs }),
      lastsMs: fc.nat({ max: 4 * leaseMs }),
      wallJumpMs: fc.integer({ min: -300_000, max: 300_000 }),
    }),
    { maxLength: 12 },
  ),
  throttle: fc.double({ min: 0, max: 0.3, noNaN: true }),
  loseAnswer: fc.double({ min: 0, max: 0.3, noNaN: true }),
  repeat: fc.double({ min: 0, max: 0.3, noNaN: true }),
  loseRequest: fc.double({ min: 0, max: 0.2, noNaN: true }),
  arriveLate: fc.record({
    chance: fc.double({ min: 0, max: 0.2, noNaN: true }),
    withinMs: fc.nat({ max: 3 * leaseMs }),
  }),
  latencyMs: fc.nat({ max: 100 }),
  outage: fc.record({ atMs: fc.nat({ max: faultyMs }), lastsMs: fc.nat({ max: 3 * leaseMs }) }),
});
type Schedule = typeof schedule extends fc.Arbitrary<infer T> ? T : never;

const title = "whatever happens, at most one invocation can act at a time, and fences only grow";
test(title, { timeout: 60_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(schedule, async (plan) => {
      const world = createLeaseWorld(plan.seed);
      const written = watchRow(world);
      setFaults(world, plan);
      const invocations = plan.rates.map((rate, at) => world.start(`i${at}`, rate));
      for (const invocation of invocations) void live(world, invocation);
      for (const freeze of plan.freezes) {
        const clock = invocations[freeze.who % invocations.length]?.clock;
        world.clock.after(freeze.atMs, () => clock?.freeze());
        world.clock.after(freeze.atMs, () => clock?.jumpWall(freeze.wallJumpMs));
        world.clock.after(freeze.atMs + freeze.lastsMs, () => clock?.thaw());
      }
      await world.clock.runFor(faultyMs + 4 * leaseMs);

      Object.assign(world.faults, { unreachable: false, throttle: 0, loseAnswer: 0 });
      Object.assign(world.faults, { loseRequest: 0, arriveLate: { chance: 0, withinMs: 0 } });
      // A take that was given up may still arrive, and then has to run out.
      await world.clock.runFor(plan.arriveLate.withinMs);
      const before = world.acts.length;
      // A length on the slowest clock, the pause between two invocations, a few turns.
      const bound = leaseMs / 0.9 + 2_000;
      await world.clock.runUntil(
        () => world.acts.length > before,
        bound,
        "an act after the faults",
      );
      await written.settle();

      expect(world.acts.map(({ n }) => n)).toEqual(sorted(world.acts.map(({ n }) => n)));
      expect(written.ns).toEqual(sorted(written.ns));
      expect(new Set(written.takers).size).toBe(written.takers.length);
    }),
    { numRuns: 25, endOnFailure: true },
  );
});

test("a holder on a clock a tenth too slow stops before a waiter on one a tenth too fast takes over", async () => {
  const world = createLeaseWorld();
  const slow = world.start("slow", 0.9);
  const fast = world.start("fast", 1.1);
  const held = await slow.take();
  if (held.kind !== "taken") throw new Error("not taken");
  void keepActing(world, slow, held.lease, () => false);
  const waiting = fast.take({ waitMs: 60_000, register: true });
  await world.clock.runFor(3 * heartbeatMs);
  // The slow one's heartbeats no longer arrive; it goes on acting as long as its guard lets it.
  slow.cutOff();
  const cutAt = world.clock.nowMs();
  const result = await inTime(world, waiting, 2 * leaseMs);
  const takenAt = world.clock.nowMs();
  expect(result).toMatchObject({ kind: "taken", from: "expired" });
  await world.clock.runFor(2 * leaseMs);
  const last = Math.max(...world.acts.map(({ atMs }) => atMs));
  expect(last).toBeGreaterThan(cutAt + leaseMs / 2);
  expect(last).toBeLessThan(takenAt);
});

/** One invocation after the other under one name: take, act, and end in one of the ways there are. */
async function live(world: LeaseWorld, one: Invocation): Promise<never> {
  for (;;) {
    const life = new AbortController();
    try {
      // Who waits for less than a length can never see a lease run out.
      const waitMs = 1.2 * leaseMs + world.random.int(2 * leaseMs);
      const register = world.random.next() < 0.5;
      // Whoever is told of a death watches first, and leaves word of what it saw.
      if (world.random.next() < 0.3) await one.leases.watch(shard, life.signal);
      const result = await one.take({ waitMs, register, signal: life.signal });
      if (result.kind === "taken") await serve(world, one, result.lease);
    } catch {
      // The table did not answer, or the lease is lost: the next invocation comes later.
    }
    // Whatever it left behind must not be kept alive for it.
    life.abort(new Error("the invocation has ended"));
    await one.clock.sleep(world.random.int(500));
  }
}

async function serve(world: LeaseWorld, one: Invocation, lease: HeldLease) {
  const until = one.clock.nowMs() + world.random.int(4 * leaseMs);
  await keepActing(world, one, lease, () => one.clock.nowMs() >= until);
  const end = world.random.int(4);
  if (end === 0) return;
  if (end === 1) await lease.announce();
  const rest = { state: "resting", lookDueAt: world.clock.wallMs() } as const;
  await lease.release(end === 2 ? rest : { state: "released" });
}

async function keepActing(
  world: LeaseWorld,
  one: Invocation,
  lease: HeldLease,
  done: () => boolean,
) {
  while (!done()) {
    await one.act(lease);
    await one.clock.sleep(5 + world.random.int(150));
  }
}

function setFaults(world: LeaseWorld, plan: Schedule) {
  const { outage, throttle, loseAnswer, repeat, loseRequest, arriveLate, latencyMs } = plan;
  Object.assign(world.faults, { throttle, loseAnswer, repeat, loseRequest });
  Object.assign(world.faults, { arriveLate, latencyMs });
  world.clock.after(outage.atMs, () => Object.assign(world.faults, { unreachable: true }));
  const back = outage.atMs + outage.lastsMs;
  world.clock.after(back, () => Object.assign(world.faults, { unreachable: false }));
}

/** Notes each number that the lease row has carried, by looking at every write that was accepted. */
function watchRow(world: LeaseWorld) {
  const ns: number[] = [];
  const takers: number[] = [];
  const put = world.table.put.bind(world.table);
  let holderN = 0;
  world.table.put = async (row, when) => {
    const result = await put(row, when);
    if (result === "put" && row.key === `lease/${shard}`) {
      const { n } = toView(shard, row).fence;
      ns.push(n);
      if (n !== holderN) takers.push(n);
      holderN = n;
    }
    return result;
  };
  return { ns, takers, settle: () => world.clock.settle() };
}

function sorted(numbers: number[]): number[] {
  return numbers.toSorted((a, b) => a - b);
}
