// Why: a table is lost as a whole, with everything that it knew, or comes back as it was an hour ago. The table of a
// story can be copied at any moment and can go away for good.
import { createMemoryTable } from "@runlet/coordination/memory-table";
import type { Row, Table } from "@runlet/coordination/table";

export interface LosableTable extends Table {
  /** Every call fails from now on, as when the table has been deleted. */
  lose(): void;
  /** A new table with the rows of this moment (point-in-time recovery restores into a new one). */
  copy(): Promise<LosableTable>;
}

/** A table in memory; `rows` are its first. */
export async function createLosableTable(rows: readonly Row[] = []): Promise<LosableTable> {
  const table = createMemoryTable();
  const kinds = new Set<string>();
  let isLost = false;
  for (const row of rows) await put(row, { absent: true });

  async function call<T>(run: () => Promise<T>): Promise<T> {
    if (isLost) throw new Error("ResourceNotFoundException: there is no such table");
    return run();
  }
  async function put(...[row, when]: Parameters<Table["put"]>) {
    kinds.add(row.key.slice(0, row.key.indexOf("/") + 1));
    return table.put(row, when);
  }
  return {
    get: (key) => call(() => table.get(key)),
    put: (row, when) => call(() => put(row, when)),
    list: (prefix) => call(() => table.list(prefix)),
    remove: (key, version) => call(() => table.remove(key, version)),
    lose: () => void (isLost = true),
    async copy() {
      const lists = await Promise.all([...kinds].map((kind) => table.list(kind)));
      return createLosableTable(lists.flat());
    },
  };
}
