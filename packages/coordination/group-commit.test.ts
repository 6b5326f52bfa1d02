import { expect, it } from "vitest";
import { createGroupCommit } from "./group-commit.ts";
import { TableBusy } from "./table.ts";

/** A store whose transactions are counted, and undone when one of their writes throws. */
function createStore() {
  const kept: string[] = [];
  const transactions: number[] = [];
  const commit = async (run: () => void) => {
    const before = kept.length;
    try {
      run();
    } catch (error) {
      kept.length = before;
      throw error;
    }
    transactions.push(kept.length - before);
  };
  const transact = createGroupCommit(commit);
  const write = (word: string) =>
    transact(() => {
      if (word === "locked") throw new TableBusy("locked by another process");
      if (word === "") throw new Error("there is no empty word");
      return kept.push(word);
    });
  return { write, kept, transactions };
}

it("writes that come together share one transaction, and each hears its own result", async () => {
  const { write, kept, transactions } = createStore();
  expect(await Promise.all(["a", "b", "c"].map(write))).toEqual([1, 2, 3]);
  expect(kept).toEqual(["a", "b", "c"]);
  expect(transactions).toEqual([3]);
});

it("the one that throws fails alone, and the order of the others stays", async () => {
  const { write, kept } = createStore();
  const results = await Promise.allSettled(["a", "", "c"].map(write));
  expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect(kept).toEqual(["a", "c"]);
});

it("a write that comes during a commit goes with the next, and no transaction is endless", async () => {
  const { write, transactions } = createStore();
  const first = write("a").then(() => write("b"));
  await Promise.all([first, ...Array.from({ length: 99 }, (_, n) => write(`word ${n}`))]);
  expect(transactions.reduce((sum, count) => sum + count, 0)).toBe(101);
  expect(Math.max(...transactions)).toBeLessThanOrEqual(64);
});

it("a lock that does not open is waited for once, not once for each", async () => {
  const { write, kept } = createStore();
  const results = await Promise.allSettled(["a", "locked", "c"].map(write));
  expect(results.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
  expect(kept).toEqual([]);
});
