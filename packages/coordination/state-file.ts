// Why: on one machine the store is one SQLite file, shared by several processes and outliving all of
// them. Opening it must end either with a file that is surely ours, whole and durable, or with one clear
// line that says what is wrong with it.
//
// WAL lets readers go on beside a writer; synchronous=FULL makes a commit survive a power cut
// (sqlite.org/pragma.html#pragma_synchronous: NORMAL may lose the last commits in WAL mode).
import { closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { retryBusy, stateFileError, type BusyDeps } from "./sqlite-errors.ts";
import { TableError } from "./table.ts";

/** "RUNL": marks the file as ours (sqlite.org/pragma.html#pragma_application_id). */
const applicationId = 0x52_55_4e_4c;
/** The layout of the tables below; a file with a larger number is of a newer Runlet. */
const layout = 1;

export interface StateFile {
  path: string;
  database: DatabaseSync;
  close(): void;
}

export interface StateFileOptions {
  /** At most so many pages of 4 kB; beyond it writes are refused and nothing is lost. */
  pagesMax?: number;
}

/** Opens or creates the file (mode 0600). Throws TableError: corrupt, foreign, newer, or unwritable. */
export async function openStateFile(
  deps: BusyDeps,
  path: string,
  options: StateFileOptions = {},
): Promise<StateFile> {
  const database = openDatabase(path);
  try {
    await retryBusy(deps, path, () => prepare(database, path, options));
    return { path, database, close: () => database.close() };
  } catch (error) {
    database.close();
    throw error;
  }
}

function openDatabase(path: string): DatabaseSync {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    closeSync(openSync(path, "a", 0o600));
    // A blocking wait stops every poll of the process, so it is short; retryBusy waits for longer.
    return new DatabaseSync(path, { timeout: 2 });
  } catch (error) {
    throw stateFileError(path, error);
  }
}

function prepare(database: DatabaseSync, path: string, options: StateFileOptions) {
  // Only a file that is ours is given our journal mode: that is a write, and it stays.
  if (readFirst(database, "PRAGMA journal_mode") !== "wal") checkOurs(database, path);
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
  if (options.pagesMax !== undefined) {
    database.exec(`PRAGMA max_page_count = ${Math.trunc(options.pagesMax)}`);
  }
  database.exec("BEGIN IMMEDIATE");
  try {
    checkOurs(database, path);
    createTables(database);
    database.exec("COMMIT");
  } finally {
    if (database.isTransaction) database.exec("ROLLBACK");
  }
}

function checkOurs(database: DatabaseSync, path: string) {
  const owner = readNumber(database, "PRAGMA application_id");
  const tablesCount = readNumber(database, "SELECT count(*) FROM sqlite_schema");
  if (owner !== applicationId && (owner !== 0 || tablesCount > 0)) {
    throw new TableError(`state file ${path} belongs to another program; name another file`);
  }
  const found = readNumber(database, "PRAGMA user_version");
  if (found > layout) {
    throw new TableError(
      `state file ${path} was written by a newer Runlet (layout ${found}, this one knows ${layout}); ` +
        "update Runlet, or name another file",
    );
  }
  const verdict = readFirst(database, "PRAGMA quick_check(1)");
  if (verdict !== "ok") {
    throw new TableError(
      `state file ${path} is corrupt (${String(verdict)}); restore it or move it`,
    );
  }
}

function createTables(database: DatabaseSync) {
  database.exec(`
    CREATE TABLE IF NOT EXISTS rows (
      key TEXT PRIMARY KEY, version TEXT NOT NULL, value TEXT NOT NULL, expires_at INTEGER
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS rows_by_expiry ON rows (expires_at) WHERE expires_at IS NOT NULL;
  `);
  if (readNumber(database, "PRAGMA user_version") === layout) return;
  database.exec(`PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${layout}`);
}

function readNumber(database: DatabaseSync, query: string): number {
  return Number(readFirst(database, query));
}

function readFirst(database: DatabaseSync, query: string) {
  const row = database.prepare(query).get();
  return row && Object.values(row)[0];
}
