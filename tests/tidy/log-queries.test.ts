// Why: a saved query is typed into nothing that would compile it before the night it is needed. So it is read here as CloudWatch
// Logs Insights reads it (AWS, "CloudWatch Logs Insights language query syntax"), as far as ours go, and every field that it
// names must be one that log lines have.
import { logQueries } from "@runlet/runtime/log-queries";
import { expect, test } from "vitest";
import { listSourceFiles } from "./source-file.ts";

const code = listSourceFiles()
  .filter(({ path }) =>
    /^packages\/(control-plane|runlet|actions-service|coordination|kubernetes)\//.test(path),
  )
  .map((file) => file.text)
  .join("\n");

const name = "@?[A-Za-z][A-Za-z]*";
const value = '"[^"]*"';
const condition = `${name} (?:(?:=|!=) ${value}|(?:not )?in \\[${value}(?:, ${value})*\\]|(?:not )?like \\/[^/]+\\/)`;
const aggregate = `(?:count\\(\\)|(?:latest|earliest|sum|avg|min|max)\\(${name}\\)) as ${name}`;
const list = (one: string) => `${one}(?:, ${one})*`;
const grammar: Record<string, RegExp> = {
  fields: new RegExp(`^${list(name)}$`),
  filter: new RegExp(`^${condition}(?: (?:and|or) ${condition})*$`),
  stats: new RegExp(`^${list(aggregate)}(?: by ${list(name)})?$`),
  sort: new RegExp(`^${name}(?: (?:asc|desc))?$`),
  limit: /^[1-9]\d{0,3}$/,
};

interface Command {
  verb: string;
  rest: string;
}

function parse(query: string): Command[] {
  return query.split("\n| ").map((line) => {
    const [, verb = "", rest = ""] = /^(\w+) (.*)$/.exec(line) ?? [];
    return { verb, rest };
  });
}

/** Names of fields: neither values nor patterns, functions, aliases and words of the language. */
function fieldsOf({ verb, rest }: Command): string[] {
  const bare = rest.replaceAll(/"[^"]*"|\/[^/]+\//g, "").replaceAll(/ as [A-Za-z]+/g, "");
  const words = bare.match(/@?[A-Za-z]+\b(?!\()/g) ?? [];
  if (verb === "limit") return [];
  return words.filter(
    (word) => !["by", "and", "or", "in", "not", "like", "asc", "desc"].includes(word),
  );
}

const aliasesOf = (commands: readonly Command[]) =>
  commands.flatMap(({ rest }) => [...rest.matchAll(/ as ([A-Za-z]+)/g)].map(([, alias]) => alias));

test.each(logQueries.map((one) => [one.name, one.query]))(
  "the query %s can be read",
  (_name, query) => {
    for (const { verb, rest } of parse(query)) {
      expect(Object.keys(grammar)).toContain(verb);
      expect(rest, verb).toMatch(grammar[verb] ?? /^$/);
    }
  },
);

test.each(logQueries.map((one) => [one.name, one.query]))(
  "the query %s names fields that lines have, and sorts by what it shows",
  (_name, query) => {
    const commands = parse(query);
    const aliases = aliasesOf(commands);
    const fields = commands.flatMap(fieldsOf).filter((field) => !aliases.includes(field));
    expect(fields.length).toBeGreaterThan(1);
    const isWritten = (field: string) =>
      ["@timestamp", "level", "event"].includes(field) ||
      new RegExp(`[{,] ${field}(?::|,| })|\\b${field}:|^\\s*${field},$`, "m").test(code);
    expect(fields.filter((field) => !isWritten(field))).toEqual([]);
    const shown = commands
      .filter(({ verb }) => verb === "fields" || verb === "stats")
      .flatMap((command) => [...fieldsOf(command), ...aliasesOf([command])]);
    const sorted = commands.filter(({ verb }) => verb === "sort").flatMap(fieldsOf);
    expect(sorted.filter((field) => !shown.includes(field))).toEqual([]);
  },
);

test.each([
  ["stats", "latest(error.message) as last"],
  ["filter", "level in [warn]"],
  ["sort", "last downwards"],
  ["fields", "@timestamp event"],
])("what Insights would not read is refused: %s %s", (verb, rest) => {
  expect(rest).not.toMatch(grammar[verb] ?? /./);
});
