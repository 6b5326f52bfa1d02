import fc from "fast-check";
import { expect, test } from "vitest";
import { createSlots } from "./slots.ts";
import { createVirtualClock } from "./virtual-clock.ts";

test("never more than there are, all served, in the order of asking", async () => {
  const holds = fc.array(fc.nat(20), { maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 5 }), holds, async (most, times) => {
      const clock = createVirtualClock();
      const slots = createSlots(most);
      const order: number[] = [];
      let peak = 0;
      const users = times.map(async (ms, index) => {
        const giveBack = await slots.take();
        order.push(index);
        peak = Math.max(peak, slots.inUse());
        await clock.sleep(ms);
        giveBack();
        giveBack();
      });
      await clock.runFor(1_000);
      await Promise.all(users);
      expect(peak).toBeLessThanOrEqual(most);
      expect(order).toEqual(times.map((_, index) => index));
      expect(slots.inUse()).toBe(0);
    }),
    { numRuns: 50 },
  );
});

test("whoever gives up leaves the queue and takes nothing along", async () => {
  const slots = createSlots(1);
  const giveBack = await slots.take();
  const abort = new AbortController();
  const impatient = slots.take(abort.signal);
  const patient = slots.take();
  const reason = new Error("enough");
  abort.abort(reason);
  await expect(impatient).rejects.toBe(reason);
  await expect(slots.take(abort.signal)).rejects.toBe(reason);
  giveBack();
  (await patient)();
  expect(slots.inUse()).toBe(0);
});
