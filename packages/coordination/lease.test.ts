// Why: each sentence of the lease's contract, one at a time, with the instants that bound it.
import { expect, test } from "vitest";
import { compareFence } from "./fence.ts";
import { formatFence, LeaseLost, parseFence } from "./lease.ts";
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

test("a take whose answer is lost is a take (F27)", async () => {
  const world = createLeaseWorld(3);
  world.faults.loseAnswer = 0.4;
  const { lease } = await takeNow(world, world.start("a"));
  world.faults.loseAnswer = 0;
  expect(await world.start("b").leases.read(shard)).toMatchObject({ holder: "a" });
  expect(await lease.release({ state: "released" })).toBe("released");
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

test("a fence is written and read back; what is none is undefined", () => {
  expect(parseFence(formatFence({ installation: "ab-12", n: 7 }))).toEqual({
    installation: "ab-12",
    n: 7,
  });
  for (const text of ["0", "", "a:", ":1", "a:-1", "a:1.5", "a b:1", "a:1234567890123456"]) {
    expect(parseFence(text)).toBeUndefined();
  }
});

test("a fence that was found is smaller, own, larger, foreign or none", () => {
  const own = { installation: "mine", n: 9 };
  const found = ["mine:8", "mine:9", "mine:10", "theirs:10", "theirs:1", "0", "nonsense"];
  expect(found.map((text) => compareFence(text, own))).toEqual([
    "smaller",
    "own",
    "larger",
    "foreign",
    "foreign",
    "none",
    "none",
  ]);
});
