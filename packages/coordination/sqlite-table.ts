// Why: the store on one machine: several processes (the functions, the command line) on one file, without
// a server. Writes go in short BEGIN IMMEDIATE transactions, those that come together in one; a lock held by
// somebody else is waited for asynchronously, so that 200 polls and the heartbeat never stand still.
//
// A process that is stopped inside a transaction locks the other writers out until it goes on or dies (then
// the system takes its lock away). A transaction here never waits for anything, so that takes bad luck.
import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import { checkPrefix, checkRow } from "./check-row.ts";
import { createGroupCommit } from "./group-commit.ts";
import { retryBusy, type BusyDeps } from "./sqlite-errors.ts";
import type { StateFile } from "./state-file.ts";
import { TableError, type Condition, type JsonObject, type Row, type Table } from "./table.ts";

/** After so many writes the expired rows are looked for; so many go at once. */
const writesBetweenSweeps = 64;

/** The table on an open state file. `clock.wallMs` says which rows may be forgotten. */
export function createSqliteTable(deps: BusyDeps, file: StateFile): Table {
  const { database } = file;
  const { select, range, write, erase, forget } = prepareStatements(database);
  let writesCount = 0;

  const transact = createGroupCommit((run) =>
    retryBusy(deps, file.path, () => {
      database.exec("BEGIN IMMEDIATE");
      try {
        run();
        database.exec("COMMIT");
      } finally {
        if (database.isTransaction) database.exec("ROLLBACK");
      }
    }),
  );
  const versionOf = (key: string) => select.get(key)?.["version"];

  return {
    get: (key) =>
      retryBusy(deps, file.path, () => {
        const found = select.get(key);
        return found && toRow(file.path, found);
      }),
    async put(row, when) {
      const json = checkRow(row);
      return transact(() => {
        if (writesCount++ % writesBetweenSweeps === 0) forget.run(deps.clock.wallMs());
        if (!holds(when, versionOf(row.key))) return "refused";
        write.run(row.key, row.version, json, row.expiresAt ?? null);
        return "put";
      });
    },
    async list(prefix) {
      checkPrefix(prefix);
      // Keys are ASCII below 0x7f, so this bounds every key that starts with the prefix.
      const end = `${prefix}\u007f`;
      return retryBusy(deps, file.path, () =>
        range.all(prefix, end).map((found) => toRow(file.path, found)),
      );
    },
    remove: (key, version) =>
      transact(() => {
        const found = versionOf(key);
        if (found === undefined) return "absent";
        if (found !== version) return "refused";
        erase.run(key);
        return "removed";
      }),
  };
}

function prepareStatements(database: DatabaseSync) {
  const columns = "SELECT key, version, value, expires_at FROM rows";
  return {
    select: database.prepare(`${columns} WHERE key = ?`),
    range: database.prepare(`${columns} WHERE key >= ? AND key < ? ORDER BY key`),
    write: database.prepare(
      "INSERT OR REPLACE INTO rows (key, version, value, expires_at) VALUES (?, ?, ?, ?)",
    ),
    erase: database.prepare("DELETE FROM rows WHERE key = ?"),
    forget: database.prepare(
      "DELETE FROM rows WHERE key IN (SELECT key FROM rows WHERE expires_at <= ? LIMIT 200)",
    ),
  };
}

function holds(when: Condition, version: SQLOutputValue | undefined): boolean {
  return "absent" in when ? version === undefined : version === when.version;
}

function toRow(path: string, found: Record<string, SQLOutputValue>): Row {
  const key = String(found["key"]);
  const row = {
    key,
    version: String(found["version"]),
    value: parseValue(path, key, found["value"]),
  };
  const expiresAt = found["expires_at"];
  return typeof expiresAt === "number" ? { ...row, expiresAt } : row;
}

function parseValue(path: string, key: string, json: SQLOutputValue | undefined): JsonObject {
  try {
    // `as`: checkRow wrote this JSON from a JsonObject; what else is there does not parse.
    return JSON.parse(String(json)) as JsonObject;
  } catch (error) {
    throw new TableError(`row ${key} in ${path} is corrupt; restore the file`, { cause: error });
  }
}
