// Why: each sentence of the lease's contract for who takes it, with the instants that bound it.
import { expect, test } from "vitest";
import { createLeaseWorld, inTime, settings, shard, takeNow } from "./testing/lease-world.ts";

const { leaseMs, heartbeatMs } = settings;

test("a lease that was never held is taken in one read", async () => {
  const world = createLeaseWorld();
  const { lease, from, previous } = await takeNow(world, world.start("a"));
  expect({ from, previous, n: lease.fence.n }).toEqual({ from: "new", previous: undefined, n: 1 });
  expect(await world.start("b").leases.read(shard)).toMatchObject({
    holder: "a",
    state: "held",
    lengthMs: leaseMs,
    announced: false,
    fence: { installation: "test", n: 1 },
  });
});

test("a held lease is not taken, and one read says who holds it", async () => {
  const world = createLeaseWorld();
  await takeNow(world, world.start("a"));
  const result = await world.start("b").take();
  expect(result).toMatchObject({ kind: "held", by: { holder: "a" } });
});

test("a held lease that moves outlasts a successor, however long it waits", async () => {
  const world = createLeaseWorld();
  await takeNow(world, world.start("a"));
  const waiting = world.start("b").take({ waitMs: 10 * leaseMs, register: true });
  const result = await inTime(world, waiting, 11 * leaseMs);
  expect(result).toMatchObject({ kind: "held", by: { holder: "a" } });
  expect(world.clock.nowMs()).toBe(10 * leaseMs);
});

test("whoever is no successor leaves as soon as the lease moves: it is served", async () => {
  const world = createLeaseWorld();
  await takeNow(world, world.start("a"));
  const waiting = world.start("b").take({ waitMs: 10 * leaseMs });
  const result = await inTime(world, waiting, heartbeatMs + 2 * settings.waiterReadMs);
  expect(result).toMatchObject({ kind: "held", by: { holder: "a" } });
});

test("the lease of a dead holder is taken one length after its last heartbeat, with a larger fence", async () => {
  const world = createLeaseWorld();
  const dead = world.start("a");
  await takeNow(world, dead);
  const waiting = world.start("b").take({ waitMs: 60_000, register: true });
  await world.clock.runFor(5 * heartbeatMs + 10);
  dead.clock.freeze();
  const diedAt = world.clock.nowMs();
  const result = await inTime(world, waiting, 2 * leaseMs);
  expect(result).toMatchObject({ kind: "taken", from: "expired", previous: { holder: "a" } });
  if (result.kind === "taken") expect(result.lease.fence.n).toBe(2);
  const passedMs = world.clock.nowMs() - diedAt;
  expect(passedMs).toBeGreaterThan(leaseMs - heartbeatMs);
  expect(passedMs).toBeLessThanOrEqual(leaseMs + settings.waiterReadMs);
});

test("a released lease is taken at the waiter's next read, at once when it was announced", async () => {
  for (const announce of [false, true]) {
    const world = createLeaseWorld();
    const { lease } = await takeNow(world, world.start("a"));
    const waiting = world.start("b").take({ waitMs: 60_000, register: true });
    await world.clock.runFor(1_003);
    if (announce) {
      await lease.announce();
      await world.clock.runFor(settings.waiterReadMs);
    }
    const releasedAt = world.clock.nowMs();
    expect(await lease.release({ state: "released" })).toBe("released");
    const result = await inTime(world, waiting, leaseMs);
    expect(result).toMatchObject({ kind: "taken", from: "released" });
    const bound = announce ? settings.announcedReadMs : settings.waiterReadMs;
    expect(world.clock.nowMs() - releasedAt).toBeLessThanOrEqual(bound);
  }
});

test("a resting lease says when to look, in the one put that releases it", async () => {
  const world = createLeaseWorld();
  const { lease } = await takeNow(world, world.start("a"));
  await lease.release({ state: "resting", lookDueAt: 1_767_300_000_000 });
  const view = await world.start("b").leases.read(shard);
  expect(view).toMatchObject({ state: "resting", lookDueAt: 1_767_300_000_000 });
  expect(await takeNow(world, world.start("b"))).toMatchObject({ from: "resting" });
});

test("a lease that ran out while its holder announced a rest is unserved all the same", async () => {
  const world = createLeaseWorld();
  const dead = world.start("a");
  const { lease } = await takeNow(world, dead);
  await lease.announce();
  dead.clock.freeze();
  const watcher = world.start("b");
  const verdict = watcher.leases.watch(shard, watcher.signal);
  expect(await inTime(world, verdict, leaseMs + 1)).toBe("still");
});

test("a watcher sees a lease that moves, one that is free, and one that is given up meanwhile", async () => {
  const world = createLeaseWorld();
  const watcher = world.start("w");
  const watch = () => watcher.leases.watch(shard, watcher.signal);
  expect(await watch()).toBe("free");
  const { lease } = await takeNow(world, world.start("a"));
  expect(await inTime(world, watch(), heartbeatMs + settings.waiterReadMs)).toBe("moved");
  const watching = watch();
  await world.clock.settle();
  await lease.release({ state: "released" });
  expect(await inTime(world, watching, settings.waiterReadMs)).toBe("free");
});

test("a waiter outlasts a table that does not answer for a while", async () => {
  const world = createLeaseWorld();
  const dead = world.start("a");
  await takeNow(world, dead);
  dead.clock.freeze();
  const waiting = world.start("b").take({ waitMs: 60_000, register: true });
  await world.clock.runFor(100);
  world.faults.loseRequest = 1;
  await world.clock.runFor(10_000);
  world.faults.loseRequest = 0;
  // The time without answers counts: the version did not move in it.
  expect(await inTime(world, waiting, 1_000)).toMatchObject({ kind: "taken", from: "expired" });
});

test("two waiters of one released lease: one takes it, the other finds it held", async () => {
  const world = createLeaseWorld();
  const { lease } = await takeNow(world, world.start("a"));
  const waiting = ["b", "c"].map((id) => world.start(id).take({ waitMs: 1_000 }));
  await world.clock.runFor(120);
  await lease.release({ state: "released" });
  const results = await inTime(world, Promise.all(waiting), 2_000);
  expect(results.map(({ kind }) => kind).toSorted()).toEqual(["held", "taken"]);
});

test("fences grow with each taker, and above a number that somebody wrote by hand", async () => {
  const world = createLeaseWorld();
  const a = world.start("a");
  const first = await takeNow(world, a);
  expect((await a.leases.drawFence()).n).toBe(2);
  expect((await a.leases.drawFenceAbove(70)).n).toBe(71);
  await first.lease.release({ state: "released" });
  expect((await takeNow(world, world.start("b"))).lease.fence.n).toBe(72);
  await expect(a.leases.drawFenceAbove(999_999_999_999_999)).rejects.toThrow(RangeError);
});

test("a taker whose counter was set back draws above the row's number", async () => {
  const world = createLeaseWorld();
  const { lease } = await takeNow(world, world.start("a"));
  await lease.release({ state: "released" });
  const row = await world.table.get(`lease/${shard}`);
  if (!row) throw new Error("no lease row");
  const edited = { ...row, version: "edited", value: { ...row.value, n: 500 } };
  await world.table.put(edited, { version: row.version });
  expect((await takeNow(world, world.start("b"))).lease.fence.n).toBe(501);
});

test("a take whose answer is lost is a take (F27)", async () => {
  const world = createLeaseWorld(3);
  world.faults.loseAnswer = 0.4;
  const { lease } = await takeNow(world, world.start("a"));
  world.faults.loseAnswer = 0;
  expect(await world.start("b").leases.read(shard)).toMatchObject({ holder: "a" });
  expect(await lease.release({ state: "released" })).toBe("released");
});

test("an aborted waiter stops at once and leaves no timer", async () => {
  const world = createLeaseWorld();
  const { lease } = await takeNow(world, world.start("a"));
  const b = world.start("b");
  const waiting = b.take({ waitMs: 60_000, register: true });
  await world.clock.runFor(100);
  b.abort();
  await expect(waiting).rejects.toThrow("b was aborted");
  expect(await lease.findSuccessor()).toBeUndefined();
  await lease.release({ state: "released" });
  expect(world.clock.timersCount()).toBe(0);
});

test("the holder finds the successor that waits, and none that died or waited for another", async () => {
  const world = createLeaseWorld();
  const { lease } = await takeNow(world, world.start("a"));
  expect(await lease.findSuccessor()).toBeUndefined();
  const b = world.start("b");
  const waiting = b.take({ waitMs: 60_000, register: true });
  await world.clock.runFor(10 * leaseMs);
  expect(await lease.findSuccessor()).toBe("b");
  b.clock.freeze();
  await lease.findSuccessor();
  await world.clock.runFor(heartbeatMs);
  expect(await lease.findSuccessor()).toBe("b");
  await world.clock.runFor(leaseMs);
  expect(await lease.findSuccessor()).toBeUndefined();
  b.clock.thaw();
  await lease.release({ state: "released" });
  const taken = await inTime(world, waiting, leaseMs);
  expect(taken.kind).toBe("taken");
  if (taken.kind === "taken") expect(await taken.lease.findSuccessor()).toBeUndefined();
});

test("a lease row of a newer Runlet is an error for a taker, never a free shard", async () => {
  const world = createLeaseWorld();
  await world.table.put(
    { key: `lease/${shard}`, version: "1", value: { state: "handing-over" } },
    { absent: true },
  );
  await expect(inTime(world, world.start("a").take(), 5_000)).rejects.toThrow(/no lease/);
});
