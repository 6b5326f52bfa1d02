// Why: the store of one machine passes the suite of the port, and what only a file can suffer from is
// shown here: locks, a full disk, damage, strangers and newer versions.
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { createSqliteTable } from "@runlet/coordination/sqlite-table";
import { openStateFile, type StateFileOptions } from "@runlet/coordination/state-file";
import { TableBusy, TableError, type Row } from "@runlet/coordination/table";
import { createSystemClock } from "@runlet/runtime/clock";
import { createSeededRandom } from "@runlet/runtime/random";
import { createVirtualClock } from "@runlet/runtime/virtual-clock";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createScratchFolder } from "./scratch-folder.ts";
import { describeTable } from "./table-contract.ts";

const deps = { clock: createSystemClock(), random: createSeededRandom(1) };

describeTable("SQLite", async () => {
  const folder = createScratchFolder();
  const file = await openStateFile(deps, join(folder.path, "state.sqlite"));
  const close = async () => {
    file.close();
    folder.remove();
  };
  return { table: createSqliteTable(deps, file), close };
});

describe("a state file", () => {
  let folder: ReturnType<typeof createScratchFolder>;
  let path: string;
  beforeEach(() => {
    folder = createScratchFolder();
    path = join(folder.path, "deep", "state.sqlite");
  });
  afterEach(() => folder.remove());

  async function withTable<T>(
    use: (table: ReturnType<typeof createSqliteTable>, database: DatabaseSync) => Promise<T>,
    options: StateFileOptions & { deps?: typeof deps & { busyMs?: number } } = {},
  ): Promise<T> {
    const used = options.deps ?? deps;
    const file = await openStateFile(used, path, options);
    try {
      return await use(createSqliteTable(used, file), file.database);
    } finally {
      file.close();
    }
  }
  const row = (key: string, value: Row["value"] = {}): Row => ({ key, version: "1", value });

  test("is made with its folder, readable by its owner alone, in WAL with full synchronisation", async () => {
    await withTable(async (table, database) => {
      await table.put(row("lease/a"), { absent: true });
      expect(database.prepare("PRAGMA journal_mode").get()).toEqual({ journal_mode: "wal" });
      expect(database.prepare("PRAGMA synchronous").get()).toEqual({ synchronous: 2 });
      for (const name of [path, `${path}-wal`]) expect(statSync(name).mode & 0o777).toBe(0o600);
    });
  });
  test("keeps its rows when it is opened again", async () => {
    await withTable((table) => table.put(row("lease/a", { n: 1 }), { absent: true }));
    expect(await withTable((table) => table.get("lease/a"))).toEqual(row("lease/a", { n: 1 }));
  });
  test("that is locked is waited for without stopping anything else", async () => {
    await withTable(async (table) => {
      const other = new DatabaseSync(path);
      other.exec("BEGIN IMMEDIATE");
      const put = table.put(row("lease/a"), { absent: true });
      // Readers go on beside a writer, and so does everything else of this process.
      for (let turn = 0; turn < 20; turn++) expect(await table.get("lease/a")).toBeUndefined();
      other.exec("COMMIT");
      other.close();
      expect(await put).toBe("put");
    });
  });
  test("that stays locked is given up as busy, which says that nothing happened", async () => {
    const clock = createVirtualClock();
    const virtual = { clock, random: deps.random, busyMs: 3_000 };
    await withTable(() => Promise.resolve());
    const other = new DatabaseSync(path);
    const opening = openStateFile(virtual, path);
    const file = await opening;
    other.exec("BEGIN IMMEDIATE");
    const put = createSqliteTable(virtual, file).put(row("lease/a"), { absent: true });
    const result = put.catch((error: unknown) => error);
    await clock.runFor(2_900);
    const early = await Promise.race([result, Promise.resolve("still waiting")]);
    await clock.runFor(200);
    expect(early).toBe("still waiting");
    expect(await result).toBeInstanceOf(TableBusy);
    other.close();
    file.close();
  });
  test("that is full refuses the write in one line, keeps what it has, and goes on when there is room", async () => {
    const text = "x".repeat(30_000);
    await withTable(
      async (table, database) => {
        const lease = { ...row("lease/a", { holder: "a", n: 1 }), version: "1" };
        await table.put(lease, { absent: true });
        const fill = async () => {
          for (let n = 100; n < 200; n++) {
            await table.put(row(`set/${n}`, { text }), { absent: true });
          }
        };
        await expect(fill()).rejects.toThrow(
          /^state file .*state\.sqlite is full: .*nothing is lost/,
        );
        const kept = await table.list("set/");
        expect(kept.length).toBeGreaterThan(0);
        expect(kept.every(({ value }) => value["text"] === text)).toBe(true);
        expect(database.isTransaction).toBe(false);
        // A holder's heartbeat takes no room, so a full file costs nobody the lease.
        const beat = { ...lease, version: "2" };
        expect(await table.put(beat, { version: "1" })).toBe("put");
        database.exec("PRAGMA max_page_count = 2000");
        expect(await table.put(row("set/after"), { absent: true })).toBe("put");
      },
      { pagesMax: 40 },
    );
    expect(await withTable((table) => table.get("set/after"))).toEqual(row("set/after"));
  });
  test("forgets rows whose time has come", async () => {
    await withTable(async (table) => {
      await table.put({ ...row("delivery/a"), expiresAt: 1 }, { absent: true });
      for (let n = 0; n < 64; n++) await table.put(row(`set/${n}`), { absent: true });
      expect(await table.list("delivery/")).toEqual([]);
      expect(await table.list("set/")).toHaveLength(64);
    });
  });

  const open = () => openStateFile(deps, path);
  test("that is no database is refused in one line and left as it is", async () => {
    await withTable(() => Promise.resolve());
    const text = "dear diary, today I was mistaken for a database. ".repeat(100);
    writeFileSync(path, text);
    await expect(open()).rejects.toThrow(/^state file .* is not an SQLite file/);
    expect(readFileSync(path, "utf8")).toBe(text);
  });
  test("that is damaged in the middle is refused in one line", async () => {
    await withTable(async (table, database) => {
      const text = "x".repeat(3_000);
      for (let n = 0; n < 50; n++) await table.put(row(`set/${n}`, { text }), { absent: true });
      database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    });
    const bytes = readFileSync(path);
    bytes.fill(0xa5, 4096, 12 * 4096);
    writeFileSync(path, bytes);
    await expect(open()).rejects.toThrow(/^state file .* is corrupt/);
    await expect(open()).rejects.toBeInstanceOf(TableError);
  });
  test("of another program is refused and left as it is", async () => {
    await withTable(() => Promise.resolve());
    const other = new DatabaseSync(path);
    other.exec("PRAGMA application_id = 0; PRAGMA user_version = 0");
    other.exec("DROP TABLE rows; CREATE TABLE theirs (a)");
    other.close();
    await expect(open()).rejects.toThrow(/belongs to another program/);
    const again = new DatabaseSync(path);
    const names = again.prepare("SELECT name FROM sqlite_schema").all();
    again.close();
    expect(names).toEqual([{ name: "theirs" }]);
  });
  test("of a newer Runlet is refused and left as it is", async () => {
    await withTable((table) => table.put(row("lease/a"), { absent: true }));
    const newer = new DatabaseSync(path);
    newer.exec("PRAGMA user_version = 2");
    newer.close();
    await expect(open()).rejects.toThrow(/newer Runlet \(layout 2, this one knows 1\)/);
    const again = new DatabaseSync(path);
    expect(again.prepare("SELECT count(*) AS n FROM rows").get()).toEqual({ n: 1 });
    again.close();
  });
  test("in a folder that cannot be is refused in one line", async () => {
    writeFileSync(join(folder.path, "file"), "");
    const opening = openStateFile(deps, join(folder.path, "file", "state.sqlite"));
    await expect(opening).rejects.toThrow(/^state file .* cannot be opened \(E[A-Z]+\)$/);
  });
});
