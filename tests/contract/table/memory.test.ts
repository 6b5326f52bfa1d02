// Why: memory is the store of every test above this port, so it must be as strict as the others.
import { createMemoryTable } from "@runlet/coordination/memory-table";
import { expect, test } from "vitest";
import { describeTable } from "./table-contract.ts";

describeTable("memory", async () => ({
  table: createMemoryTable(() => 1_767_225_600_000),
  close: async () => {},
}));

test("a table in memory forgets expired rows, so that a long run does not grow", async () => {
  let now = 1_000;
  const table = createMemoryTable(() => now);
  await table.put(
    { key: "delivery/a", version: "1", value: {}, expiresAt: 2_000 },
    { absent: true },
  );
  now = 3_000;
  for (let n = 0; n < 64; n++) {
    await table.put({ key: `set/${n}`, version: "1", value: {} }, { absent: true });
  }
  expect(await table.list("delivery/")).toEqual([]);
});
