// Why: a table is a map with conditions; any history of calls must leave both in the same state.
import type { Table } from "@runlet/coordination/table";
import fc from "fast-check";
import { expect } from "vitest";

/** One call. `version` picks one of the versions written so far, right or wrong. */
type Command =
  | { do: "put"; key: string; n: number; when: "absent" | "right" | "wrong" }
  | { do: "remove"; key: string; when: "right" | "wrong" }
  | { do: "list"; prefix: string };

const key = fc.constantFrom("set/a", "set/ab", "set/b", "lease/a");

export const tableCommands: fc.Arbitrary<Command[]> = fc.array(
  fc.oneof(
    fc.record({
      do: fc.constant("put" as const),
      key,
      n: fc.nat(),
      when: fc.constantFrom("absent" as const, "right" as const, "wrong" as const),
    }),
    fc.record({
      do: fc.constant("remove" as const),
      key,
      when: fc.constantFrom("right" as const, "wrong" as const),
    }),
    fc.record({
      do: fc.constant("list" as const),
      prefix: fc.constantFrom("set/", "set/a", "lease/", "flag/"),
    }),
  ),
  { maxLength: 40 },
);

/** Plays the commands on the table and on a map, and compares every answer and the end. */
export async function agreeWithModel(table: Table, commands: Command[]): Promise<void> {
  const model = new Map<string, { version: string; n: number }>();
  for (const [index, command] of commands.entries()) {
    if (command.do === "list") {
      const listed = await table.list(command.prefix);
      expect(listed.map((row) => [row.key, row.version, row.value])).toEqual(
        [...model]
          .filter(([name]) => name.startsWith(command.prefix))
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([name, kept]) => [name, kept.version, { n: kept.n }]),
      );
      continue;
    }
    const kept = model.get(command.key);
    const expected = command.when === "right" ? (kept?.version ?? "none") : "wrong";
    if (command.do === "remove") {
      const result = !kept ? "absent" : expected === kept.version ? "removed" : "refused";
      expect(await table.remove(command.key, expected)).toBe(result);
      if (result === "removed") model.delete(command.key);
      continue;
    }
    const holds = command.when === "absent" ? !kept : kept?.version === expected;
    const next = { version: `v${index}`, n: command.n };
    const when = command.when === "absent" ? ({ absent: true } as const) : { version: expected };
    const put = { key: command.key, version: next.version, value: { n: next.n } };
    expect(await table.put(put, when)).toBe(holds ? "put" : "refused");
    if (holds) model.set(command.key, next);
    expect((await table.get(command.key))?.version).toBe(model.get(command.key)?.version);
  }
}
