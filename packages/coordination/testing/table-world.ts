// Why: everything that stands on the table is tested over one that can lose answers, under virtual time.
import { createSilentLog } from "@runlet/runtime/log";
import { createSeededRandom } from "@runlet/runtime/random";
import { createVirtualClock } from "@runlet/runtime/virtual-clock";
import { createCipher } from "../cipher.ts";
import { createFaultyTable, type TableFaults } from "../faulty-table.ts";
import { createMemoryTable } from "../memory-table.ts";

/** A clock, a table with faults, and the same table without. */
export function createTableWorld(seed = 1) {
  const clock = createVirtualClock();
  const random = createSeededRandom(seed);
  const truth = createMemoryTable(() => clock.wallMs());
  const faults: TableFaults = {};
  const table = createFaultyTable(truth, { clock, random, faults });
  const cipher = createCipher({
    key: new Uint8Array(32).fill(7),
    nonce: (count) => random.bytes(count),
  });
  /** Waits for a promise while time runs on. */
  async function inTime<T>(promise: Promise<T>, limitMs = 60_000): Promise<T> {
    let settled = false;
    const watched = promise.finally(() => {
      settled = true;
    });
    watched.catch(() => {});
    await clock.runUntil(() => settled, limitMs, "the answer");
    return watched;
  }
  return { clock, random, truth, faults, table, cipher, log: createSilentLog(), inTime };
}
