// Why: this suite is the definition of the table port. An adapter that passes it may serve leases,
// checkpoints, registry and timelines; one that needs an exception is not an adapter.
import { TableError, rowBytesMax, type Row, type Table } from "@runlet/coordination/table";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { agreeWithModel, tableCommands } from "./table-model.ts";

/** A fresh, empty table, and how to put it away. */
export interface TableUnderTest {
  table: Table;
  close: () => Promise<void>;
}

let count = 0;
const version = () => `version-${++count}`;
const row = (key: string, value: Row["value"] = {}): Row => ({ key, version: version(), value });

export function describeTable(name: string, make: () => Promise<TableUnderTest>): void {
  describe(`a table in ${name}`, () => {
    let under: TableUnderTest;
    beforeEach(async () => {
      under = await make();
    });
    afterEach(() => under.close());
    describeRows(() => under.table);
    describeList(() => under.table);
    describeRaces(() => under.table);
    describeLimits(() => under.table);
  });
  test(`a table in ${name} agrees with a map, whatever is done to it`, async () => {
    await fc.assert(
      fc.asyncProperty(tableCommands, async (commands) => {
        const under = await make();
        try {
          await agreeWithModel(under.table, commands);
        } finally {
          await under.close();
        }
      }),
      { numRuns: 25 },
    );
  });
}

function describeRows(table: () => Table) {
  test("knows nothing of a row that was never put", async () => {
    expect(await table().get("lease/none")).toBeUndefined();
  });
  test("puts a row that must be absent once only", async () => {
    const first = row("lease/a", { n: 1 });
    expect(await table().put(first, { absent: true })).toBe("put");
    expect(await table().put(row("lease/a", { n: 2 }), { absent: true })).toBe("refused");
    expect(await table().get("lease/a")).toEqual(first);
  });
  test("replaces a row only after the version that is there", async () => {
    const first = row("lease/a", { n: 1, gone: true });
    const second = row("lease/a", { n: 2 });
    await table().put(first, { absent: true });
    expect(await table().put(second, { version: first.version })).toBe("put");
    expect(await table().put(row("lease/a", { n: 3 }), { version: first.version })).toBe("refused");
    expect(await table().get("lease/a")).toEqual(second);
  });
  test("refuses to replace a row that is not there", async () => {
    expect(await table().put(row("lease/a"), { version: "any" })).toBe("refused");
    expect(await table().get("lease/a")).toBeUndefined();
  });
  test("gives back what was put: nesting, unicode, empty text, null, exact integers", async () => {
    const value = {
      text: "Grüße 🚀 \u0000 \"' % _ \\",
      empty: "",
      none: null,
      list: [1, [], {}, [null, false]],
      integer: Number.MAX_SAFE_INTEGER,
      part: 0.1,
      nested: { deep: { er: "x" } },
    };
    const put = { ...row("set/github.com/my-org:7", value), expiresAt: 4_102_444_800_000 };
    await table().put(put, { absent: true });
    expect(await table().get(put.key)).toEqual(put);
  });
  test("shares no object with its callers", async () => {
    const value = { list: [1] };
    await table().put(row("lease/a", value), { absent: true });
    value.list.push(2);
    const found = await table().get("lease/a");
    if (Array.isArray(found?.value["list"])) found.value["list"].push(3);
    expect((await table().get("lease/a"))?.value).toEqual({ list: [1] });
  });
  test("removes a row of the version that was seen, and no other", async () => {
    const first = row("flag/a");
    await table().put(first, { absent: true });
    expect(await table().remove("flag/a", "another")).toBe("refused");
    expect(await table().remove("flag/a", first.version)).toBe("removed");
    expect(await table().remove("flag/a", first.version)).toBe("absent");
    expect(await table().put(row("flag/a"), { absent: true })).toBe("put");
  });
  test("lets an expired row be replaced by whoever goes by what it reads", async () => {
    await table().put({ ...row("delivery/a"), expiresAt: 1 }, { absent: true });
    const found = await table().get("delivery/a");
    const when = found ? { version: found.version } : ({ absent: true } as const);
    expect(await table().put(row("delivery/a", { n: 2 }), when)).toBe("put");
    expect((await table().get("delivery/a"))?.value).toEqual({ n: 2 });
  });
}

function describeList(table: () => Table) {
  test("lists the rows under a prefix in key order, and nothing beside it", async () => {
    const listed = ["set/a", "set/a%b", "set/a_b", "set/ab", "set/b/c", "set/~"];
    for (const key of [...listed.toReversed(), "sets/x", "se/x", "cluster/set/a"]) {
      await table().put(row(key), { absent: true });
    }
    const keysOf = async (prefix: string) => (await table().list(prefix)).map(({ key }) => key);
    expect(await keysOf("set/")).toEqual(listed);
    expect(await keysOf("set/a")).toEqual(["set/a", "set/a%b", "set/a_b", "set/ab"]);
    expect(await keysOf("set/a_")).toEqual(["set/a_b"]);
    expect(await keysOf("set/A")).toEqual([]);
  });
  test("lists more rows than fit into one page of a store", async () => {
    const text = "x".repeat(20_000);
    for (let n = 100; n < 200; n++) await table().put(row(`set/${n}`, { text }), { absent: true });
    const listed = await table().list("set/");
    expect(listed.map(({ key }) => key)).toEqual(
      Array.from({ length: 100 }, (_, at) => `set/${at + 100}`),
    );
    expect(listed.at(-1)?.value).toEqual({ text });
  });
}

function describeRaces(table: () => Table) {
  test("lets one of fifty racing writers win", async () => {
    const first = row("lease/a");
    await table().put(first, { absent: true });
    const rivals = Array.from({ length: 50 }, (_, n) => row("lease/a", { n }));
    const results = await Promise.all(
      rivals.map((rival) => table().put(rival, { version: first.version })),
    );
    expect(results.filter((result) => result === "put")).toHaveLength(1);
    expect(await table().get("lease/a")).toEqual(rivals[results.indexOf("put")]);
  });
  test("loses none of a hundred racing increments", async () => {
    await table().put(row("deployment/n", { n: 0 }), { absent: true });
    const increment = async (): Promise<void> => {
      const found = await table().get("deployment/n");
      if (!found) throw new Error("the row is gone");
      const next = row("deployment/n", { n: Number(found.value["n"]) + 1 });
      if ((await table().put(next, { version: found.version })) === "refused") await increment();
    };
    await Promise.all(Array.from({ length: 100 }, increment));
    expect((await table().get("deployment/n"))?.value).toEqual({ n: 100 });
  });
}

function describeLimits(table: () => Table) {
  test("refuses a row that is too large with its key, and keeps the one that is there", async () => {
    const first = row("checkpoint/a", { n: 1 });
    await table().put(first, { absent: true });
    const large = row("checkpoint/a", { text: "x".repeat(rowBytesMax) });
    const put = table().put(large, { version: first.version });
    await expect(put).rejects.toThrow(/checkpoint\/a is too large: \d+ bytes/);
    await expect(put).rejects.toBeInstanceOf(TableError);
    expect(await table().get("checkpoint/a")).toEqual(first);
  });
  test("takes the largest row it promises", async () => {
    const text = "x".repeat(rowBytesMax - '{"text":""}'.length);
    expect(await table().put(row("checkpoint/a", { text }), { absent: true })).toBe("put");
    expect((await table().get("checkpoint/a"))?.value["text"]).toHaveLength(text.length);
  });
  test.each(["", "lease", "lease/", "/a", "lease/ü", "lease/a b", "LEASE/a"])(
    "refuses %j as a key",
    async (key) => {
      await expect(table().put(row(key), { absent: true })).rejects.toBeInstanceOf(TableError);
    },
  );
  test.each(["", "le", "lease"])("refuses to list %j, which names no kind", async (prefix) => {
    await expect(table().list(prefix)).rejects.toBeInstanceOf(TableError);
  });
}
