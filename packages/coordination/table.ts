// Why: lease, checkpoint, registry and timeline need the same four verbs of a store, so the store is
// a port of four verbs; memory, SQLite and DynamoDB pass one suite (tests/contract/table).

/** A JSON object without undefined. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

export interface Row {
  key: string;
  /** Unique to one write (the writer draws it): so a writer whose answer was lost can tell its own row. */
  version: string;
  value: JsonObject;
  /** Milliseconds since 1970 after which the store may forget the row. Never used for correctness. */
  expiresAt?: number;
}

/** What a put requires of the row that is there now. */
export type Condition = { version: string } | { absent: true };

/** What a row may be at most as JSON: DynamoDB's item limit is 400 kB, and the same everywhere. */
export const rowBytesMax = 380_000;

/**
 * The port. Every verb reads and writes strongly consistently, and is atomic for its row.
 * A rejection means: unknown, it may or may not have happened (but TableBusy and TableError: it has not).
 * Keys are slash-separated paths of printable ASCII (keys.ts); a prefix contains the first segment and
 * its slash, so that a store may partition by it.
 */
export interface Table {
  get(key: string): Promise<Row | undefined>;
  /** Writes `row` if the condition holds; otherwise resolves to "refused" and changes nothing. */
  put(row: Row, when: Condition): Promise<"put" | "refused">;
  /** Every row whose key starts with `prefix`, in key order. Not one snapshot. */
  list(prefix: string): Promise<Row[]>;
  /** "absent" when there is no such row, "refused" when its version is another. */
  remove(key: string, version: string): Promise<"removed" | "absent" | "refused">;
}

/** Throttled, or locked by somebody else: nothing has happened, trying again later is sensible. */
export class TableBusy extends Error {
  override name = "TableBusy";
}

/** A value that the table cannot hold (too large, full, corrupt): says which row and what to do. */
export class TableError extends Error {
  override name = "TableError";
}
