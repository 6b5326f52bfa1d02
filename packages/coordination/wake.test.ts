// Why: a wake must not fall between a holder's last look and its release, in whatever order the two go.
import fc from "fast-check";
import { expect, test } from "vitest";
import type { PollerEvent } from "./invoker.ts";
import { createLeases, type TakeOptions } from "./lease.ts";
import { demoSettings } from "@runlet/runtime/settings";
import { createTableWorld } from "./testing/table-world.ts";
import { createWakes } from "./wake.ts";

const shard = "shard-1";

function start(seed = 1) {
  const world = createTableWorld(seed);
  const invoked: PollerEvent[] = [];
  const leases = createLeases({ ...world, installation: "test", settings: demoSettings });
  const invoker = { invoke: async (event: PollerEvent) => void invoked.push(event) };
  const wakes = createWakes({ ...world, leases, invoker });
  const take = async (options: Partial<TakeOptions> = {}) => {
    const signal = new AbortController().signal;
    const all = { holder: "a", waitMs: 0, register: false, signal, ...options };
    const result = await world.inTime(leases.take(shard, all));
    if (result.kind !== "taken") throw new Error("held");
    return result.lease;
  };
  return { ...world, wakes, invoked, take };
}

test("a shard that nobody serves is invoked, one that is served is only flagged", async () => {
  const { wakes, invoked, take } = start();
  expect(await wakes.wake(shard, "webhook")).toBe("invoked");
  const lease = await take();
  expect(await wakes.wake(shard, "webhook")).toBe("flagged");
  expect(invoked).toEqual([{ shard, reason: "webhook" }]);
  await lease.release({ state: "resting", lookDueAt: 0 });
  expect(await wakes.wake(shard, "look")).toBe("invoked");
});

test("clearing takes away the flag that was seen, and none set since", async () => {
  const { wakes, take } = start();
  await take();
  await wakes.wake(shard, "webhook");
  const seen = await wakes.findFlag(shard);
  await wakes.wake(shard, "webhook");
  await wakes.clear(shard, seen ?? "");
  const later = await wakes.findFlag(shard);
  expect(later).toBeDefined();
  expect(later).not.toBe(seen);
  await wakes.clear(shard, later ?? "");
  expect(await wakes.findFlag(shard)).toBeUndefined();
});

test("a flag that is cleared while it is being set is set all the same", async () => {
  const { wakes, truth, take } = start();
  await take();
  await wakes.wake(shard, "webhook");
  const seen = (await wakes.findFlag(shard)) ?? "";
  const put = truth.put.bind(truth);
  // The holder clears what it saw just before the new version arrives.
  truth.put = async (row, when) => {
    await truth.remove(`flag/${shard}`, seen);
    return put(row, when);
  };
  await wakes.wake(shard, "webhook");
  expect(await wakes.findFlag(shard)).toBeDefined();
});

test("a burst of wakes costs two writes: the first's, and one for all who came after it", async () => {
  const { wakes, truth, take } = start();
  await take();
  let writes = 0;
  const put = truth.put.bind(truth);
  truth.put = (row, when) => {
    if (row.key === `flag/${shard}`) writes++;
    return put(row, when);
  };
  await Promise.all(Array.from({ length: 500 }, () => wakes.wake(shard, "webhook")));
  expect(writes).toBe(2);
});

test("a thousand wakes through thirty containers invoke one poller, and another if it does not come", async () => {
  const world = createTableWorld();
  let invoked = 0;
  const invoker = { invoke: async () => void invoked++ };
  const leases = createLeases({ ...world, installation: "test", settings: demoSettings });
  const containers = Array.from({ length: 30 }, () => createWakes({ ...world, leases, invoker }));
  world.faults.latencyMs = 20;
  const flood = async (wakes: (typeof containers)[0]) => {
    for (let turn = 0; turn < 34; turn++) await wakes.wake(shard, "webhook").catch(() => {});
  };
  await world.inTime(Promise.all(containers.map(flood)));
  const forMs = world.clock.nowMs();
  expect(invoked).toBeGreaterThan(0);
  expect(invoked).toBeLessThanOrEqual(1 + Math.floor(forMs / 3_000));
  await world.clock.runFor(3_000);
  await world.inTime(flood(createWakes({ ...world, leases, invoker })));
  expect(invoked).toBeLessThanOrEqual(2 + Math.floor(world.clock.nowMs() / 3_000));
});

test("a shard that has rested since is invoked at once", async () => {
  const { wakes, invoked, take } = start();
  expect(await wakes.wake(shard, "webhook")).toBe("invoked");
  expect(await wakes.wake(shard, "webhook")).toBe("flagged");
  await (await take()).release({ state: "resting", lookDueAt: 0 });
  expect(await wakes.wake(shard, "webhook")).toBe("invoked");
  expect(invoked.length).toBe(2);
});

test("a wake at the very moment of a release is seen by the holder or invokes, in any order", async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.nat({ max: 400 }), async (seed, startMs) => {
      const { wakes, invoked, take, clock, faults, inTime } = start(seed);
      const lease = await take();
      faults.latencyMs = 300;
      const holder = (async () => {
        await lease.release({ state: "released" });
        return wakes.findFlag(shard);
      })();
      const waker = clock.sleep(startMs).then(() => wakes.wake(shard, "webhook"));
      const [flag] = await inTime(Promise.all([holder, waker]));
      expect(flag !== undefined || invoked.length > 0).toBe(true);
    }),
    { numRuns: 60 },
  );
});

test("an invoker that fails is reported, with the flag left for the next", async () => {
  const world = createTableWorld();
  const leases = createLeases({ ...world, installation: "test", settings: demoSettings });
  const invoker = { invoke: () => Promise.reject(new Error("throttled")) };
  const wakes = createWakes({ ...world, leases, invoker });
  await expect(wakes.wake(shard, "webhook")).rejects.toThrow("throttled");
  expect(await wakes.findFlag(shard)).toBeDefined();
  await expect(wakes.wake(shard, "webhook")).rejects.toThrow("throttled");
});
