// Pollers that fail whatever is tried: each is followed at once, and yet nothing turns in circles.
import { afterEach, expect, it } from "vitest";
import type { Table } from "@runlet/coordination/table";
import { createPollerWorld, type PollerWorld } from "./poller-world.ts";

let world: PollerWorld;
afterEach(() => world.end());

it("a shard whose lease cannot be read costs seven invocations a wake, and is served once it can", async () => {
  let broken = true;
  const tableOf = (table: Table): Table => ({
    ...table,
    async get(key) {
      const row = await table.get(key);
      return broken && row && key.startsWith("lease/") ? { ...row, value: {} } : row;
    },
  });
  world = await createPollerWorld({ mode: "acquire", failureNotices: true, tableOf });
  const { clock } = world;
  const row = { key: "lease/shard-0", version: "1", value: {} };
  await world.table.put(row, { absent: true });
  world.wake();
  world.wake();
  await clock.runFor(60_000);
  expect(world.logged("invocation_failed").length).toBe(14);
  expect(world.logged("poller_left_to_sweep").length).toBe(2);
  broken = false;
  await world.table.remove("lease/shard-0", "1");
  world.queue(1);
  world.wake();
  await clock.runUntil(() => world.pair()[0] === 1, 2_000, "the patch");
});
