// Why: what one store refuses, every store must refuse, or a row that was fine on a laptop fails in the
// cloud. Each adapter calls this before it writes.
import { rowBytesMax, TableError, type Row } from "./table.ts";

const keyShape = /^[a-z]+\/[\x21-\x7e]+$/;
const prefixShape = /^[a-z]+\/[\x21-\x7e]*$/;

/** The row's value as JSON. Throws TableError when no store could hold the row. */
export function checkRow(row: Row): string {
  if (!keyShape.test(row.key) || row.key.length > 1000) {
    throw new TableError(`${JSON.stringify(row.key)} is not a key (kind/name in printable ASCII)`);
  }
  const json = JSON.stringify(row.value);
  const bytes = Buffer.byteLength(json);
  if (bytes > rowBytesMax) {
    throw new TableError(`row ${row.key} is too large: ${bytes} bytes, at most ${rowBytesMax}`);
  }
  return json;
}

/** Throws TableError for a prefix that does not name the kind of row. */
export function checkPrefix(prefix: string): void {
  if (prefixShape.test(prefix)) return;
  throw new TableError(`${JSON.stringify(prefix)} is not a prefix (kind/…)`);
}
