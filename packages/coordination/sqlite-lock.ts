// Why: some things only one living process may have. SQLite's lock on a file ends with its process however that ends,
// so it is never stale, and of several who ask at once exactly one gets it (sqlite.org/lockingv3.html).
import { DatabaseSync } from "node:sqlite";

/** Held until it is given back, also by who has forgotten it: a database that is collected is closed. */
const held = new Set<DatabaseSync>();

/**
 * Locks the file, made if it is not there, until the returned function is called. Undefined: somebody has had it for `waitMs`,
 * for which this process stands still.
 */
export function lockFile(path: string, waitMs = 0): (() => void) | undefined {
  const database = new DatabaseSync(path, { timeout: waitMs });
  try {
    database.exec("BEGIN EXCLUSIVE");
    held.add(database);
    return () => {
      held.delete(database);
      database.close();
    };
  } catch (error) {
    database.close();
    if (isBusy(error)) return undefined;
    throw error;
  }
}

/** SQLITE_BUSY and its extended codes (sqlite.org/rescode.html). */
function isBusy(error: unknown): boolean {
  const code = (error as { errcode?: unknown } | null)?.errcode; // node:sqlite sets it; checked below
  return typeof code === "number" && (code & 0xff) === 5;
}
