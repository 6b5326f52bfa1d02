// Why: the holder's half of the lease's contract, one sentence at a time, with the instants that bound it.
import { expect, test } from "vitest";
import { LeaseLost } from "./lease-lost.ts";
import { createLeaseWorld, inTime, settings, shard, takeNow } from "./testing/lease-world.ts";

const { leaseMs, heartbeatMs } = settings;

test("the guard lets pass before 80 % of the lease, then only after the next heartbeat", async () => {
  const world = createLeaseWorld();
  const a = world.start("a");
  const { lease } = await takeNow(world, a);
  world.faults.unreachable = true;
  await world.clock.runFor(0.8 * leaseMs - 1);
  await a.act(lease);
  await world.clock.runFor(1);
  const blocked = a.act(lease);
  await world.clock.runFor(10_000);
  expect(world.acts).toHaveLength(1);
  world.faults.unreachable = false;
  await inTime(world, blocked, 1_500);
  expect(world.acts).toHaveLength(2);
  expect(lease.signal.aborted).toBe(false);
  expect(lease.deadlineMs()).toBeGreaterThan(a.clock.nowMs());
});

test("a holder that was frozen for longer than its lease starts nothing until a heartbeat succeeds", async () => {
  const world = createLeaseWorld();
  const a = world.start("a");
  const { lease } = await takeNow(world, a);
  await world.clock.runFor(1_000);
  a.clock.freeze();
  await world.clock.runFor(3 * leaseMs);
  a.clock.thaw();
  await a.act(lease);
  // Nobody had taken it, so it goes on, with the same fence.
  expect(lease.fence.n).toBe(1);
  expect(world.acts).toEqual([{ atMs: world.clock.nowMs(), holder: "a", n: 1 }]);
  expect(await a.leases.read(shard)).toMatchObject({ holder: "a", fence: { n: 1 } });
  expect(lease.deadlineMs()).toBe(a.clock.nowMs() + leaseMs);
});

test("a holder that was frozen while another took over learns it before its next effect", async () => {
  const world = createLeaseWorld();
  const a = world.start("a");
  const { lease } = await takeNow(world, a);
  a.clock.freeze();
  await takeNow(world, world.start("b"), { waitMs: 60_000 });
  a.clock.thaw();
  await expect(a.act(lease)).rejects.toBeInstanceOf(LeaseLost);
  expect(lease.signal.aborted).toBe(true);
  expect(lease.signal.reason).toBeInstanceOf(LeaseLost);
  expect(await lease.release({ state: "released" })).toBe("lost");
  expect(world.acts).toEqual([]);
});

test("a heartbeat whose answer is lost is no loss (F27)", async () => {
  const world = createLeaseWorld();
  const a = world.start("a");
  const { lease } = await takeNow(world, a);
  world.faults.loseAnswer = 0.7;
  await world.clock.runFor(20 * leaseMs);
  world.faults.loseAnswer = 0;
  await inTime(world, a.act(lease), leaseMs);
  expect(lease.signal.aborted).toBe(false);
});

test("a write that the client library repeats unseen is no loss either (F27)", async () => {
  const world = createLeaseWorld();
  world.faults.repeat = 1;
  const a = world.start("a");
  const { lease } = await takeNow(world, a);
  await world.clock.runFor(5 * leaseMs);
  await a.act(lease);
  expect(await lease.release({ state: "released" })).toBe("released");
});

test("the length counts from before the write, of the take and of each heartbeat", async () => {
  const world = createLeaseWorld();
  const a = world.start("a");
  let arrivedMs = 0;
  world.hooks.after = async (verb, key) => {
    if (verb !== "put" || key !== `lease/${shard}`) return;
    arrivedMs = a.clock.nowMs();
    await world.clock.sleep(200);
  };
  const { lease } = await takeNow(world, a);
  expect(lease.deadlineMs()).toBe(arrivedMs + leaseMs);
  const takenMs = arrivedMs;
  await world.clock.runFor(heartbeatMs);
  expect(arrivedMs).toBe(takenMs + heartbeatMs);
  expect(lease.deadlineMs()).toBe(arrivedMs + leaseMs);
});

test("a release that is slow to arrive leaves no doubt: it is repeated until it is known", async () => {
  const world = createLeaseWorld();
  const { lease } = await takeNow(world, world.start("a"));
  world.faults.loseRequest = 1;
  const releasing = lease.release({ state: "released" });
  await world.clock.runFor(leaseMs / 2);
  world.faults.loseRequest = 0;
  expect(await inTime(world, releasing, leaseMs)).toBe("released");
  expect(await world.start("b").leases.read(shard)).toMatchObject({ state: "released" });
});

test("a release that the table never takes ends when the lease has run out, and says so", async () => {
  const world = createLeaseWorld();
  const { lease } = await takeNow(world, world.start("a"));
  world.faults.loseRequest = 1;
  await expect(
    inTime(world, lease.release({ state: "released" }), leaseMs + 2_000),
  ).rejects.toThrow(/no answer/);
  await expect(lease.guard()).rejects.toBeInstanceOf(LeaseLost);
  world.faults.loseRequest = 0;
  await takeNow(world, world.start("b"), { waitMs: 2 * leaseMs });
});

test("a lease that was given up guards nothing any more, and sends no heartbeat", async () => {
  const world = createLeaseWorld();
  const { lease } = await takeNow(world, world.start("a"));
  await lease.release({ state: "released" });
  await expect(lease.guard()).rejects.toBeInstanceOf(LeaseLost);
  const before = await world.table.get(`lease/${shard}`);
  await world.clock.runFor(10 * leaseMs);
  expect(await world.table.get(`lease/${shard}`)).toEqual(before);
  expect(world.clock.timersCount()).toBe(0);
});

test("an aborted invocation's lease may be used to 80 %, then is lost, and can still be released", async () => {
  const world = createLeaseWorld();
  const a = world.start("a");
  const { lease } = await takeNow(world, a);
  await world.clock.runFor(heartbeatMs + 1);
  a.abort();
  await a.act(lease);
  await world.clock.runFor(0.8 * leaseMs);
  await expect(lease.guard()).rejects.toBeInstanceOf(LeaseLost);
  expect(lease.signal.aborted).toBe(false);
  await world.clock.runFor(0.2 * leaseMs);
  expect(lease.signal.aborted).toBe(true);
  expect(world.clock.timersCount()).toBe(0);
});
