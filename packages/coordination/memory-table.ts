// Why: the default store of tests and of the world under a virtual clock: everything the port promises,
// in a Map. Rows are kept as JSON, so that nobody shares an object with the store.
import { checkPrefix, checkRow } from "./check-row.ts";
import type { Condition, JsonObject, Row, Table } from "./table.ts";

interface Kept {
  version: string;
  json: string;
  expiresAt: number | undefined;
}

/** An empty table. `wallMs` says when a row may be forgotten; without it none is. */
export function createMemoryTable(wallMs: () => number = () => -Infinity): Table {
  const rows = new Map<string, Kept>();
  let writesCount = 0;

  function forgetExpired() {
    if (writesCount++ % 64 !== 0) return;
    const now = wallMs();
    for (const [key, row] of rows) {
      if (row.expiresAt !== undefined && row.expiresAt <= now) rows.delete(key);
    }
  }
  return {
    async get(key) {
      const kept = rows.get(key);
      return kept && toRow(key, kept);
    },
    async put(row, when) {
      const json = checkRow(row);
      forgetExpired();
      if (!holds(when, rows.get(row.key)?.version)) return "refused";
      rows.set(row.key, { version: row.version, json, expiresAt: row.expiresAt });
      return "put";
    },
    async list(prefix) {
      checkPrefix(prefix);
      return [...rows]
        .filter(([key]) => key.startsWith(prefix))
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, kept]) => toRow(key, kept));
    },
    async remove(key, version) {
      const kept = rows.get(key);
      if (!kept) return "absent";
      if (kept.version !== version) return "refused";
      rows.delete(key);
      return "removed";
    },
  };
}

/** Does the row of this version (undefined: none) fulfil the condition? */
function holds(when: Condition, version: string | undefined): boolean {
  return "absent" in when ? version === undefined : version === when.version;
}

function toRow(key: string, kept: Kept): Row {
  // `as`: checkRow wrote this JSON from a JsonObject.
  const value = JSON.parse(kept.json) as JsonObject;
  const row = { key, version: kept.version, value };
  return kept.expiresAt === undefined ? row : { ...row, expiresAt: kept.expiresAt };
}
