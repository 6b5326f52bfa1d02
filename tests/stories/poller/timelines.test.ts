// Notes for people are a hint: a store that is slow with them, or silent, holds up no job.
import { afterEach, expect, it } from "vitest";
import type { Table } from "@runlet/coordination/table";
import type { VirtualClock } from "@runlet/runtime/virtual-clock";
import { createPollerWorld, type PollerWorld } from "./poller-world.ts";

let world: PollerWorld;
afterEach(() => world.end());

const slowNotes =
  (ms: number) =>
  (table: Table, clock: VirtualClock): Table => ({
    ...table,
    async put(row, when) {
      if (row.key.startsWith("timeline/")) await clock.sleep(ms);
      return table.put(row, when);
    },
  });

it.each([8, 2_500])(
  "a job after a burst of 500 is patched in time although a note takes %i ms",
  async (ms) => {
    world = await createPollerWorld({
      mode: "auto-assign",
      sets: [{ name: "linux", maxRunners: 2_000 }],
      bootMs: 1_000,
      tableOf: slowNotes(ms),
    });
    const { clock } = world;
    world.wake();
    await clock.runFor(5_000);
    world.queue(500, { durationMs: 60_000 });
    await clock.runFor(100);
    world.queue(1, { durationMs: 60_000 });
    await clock.runUntil(() => world.pair()[0] === 501, 1_000, "the late job's patch");
  },
);

it("what several messages say of a job is one write while the store is busy", async () => {
  world = await createPollerWorld({ mode: "auto-assign", bootMs: 100, tableOf: slowNotes(2_000) });
  const { clock } = world;
  world.wake();
  await clock.runFor(5_000);
  world.queue(1, { durationMs: 200 });
  await clock.runFor(10_000);
  const notes = world.puts.filter(({ key }) => key.startsWith("timeline/"));
  expect(notes.length).toBe(2);
});
