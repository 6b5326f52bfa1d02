import { join } from "node:path";
import { expect, test } from "vitest";
import { logQueries } from "@runlet/runtime/log-queries";
import { metricTable, type Metric, type MetricAlarm } from "@runlet/runtime/metrics-table";
import { listSourceFiles } from "./source-file.ts";

const files = listSourceFiles();
const page = files.find(({ path }) => path === "docs/operate.md")?.text ?? "";
const code = files
  .filter(({ path }) =>
    /^packages\/(control-plane|runlet|actions-service|coordination|kubernetes)\//.test(path),
  )
  .filter(({ path }) => !path.endsWith(".test.ts"))
  .map((file) => file.text)
  .join("\n");
const tests = files
  .filter(({ path }) => path.endsWith(".test.ts") && !path.startsWith("tests/tidy/"))
  .map((file) => file.text)
  .join("\n");
const metrics: [string, Metric][] = Object.entries(metricTable);

test("every metric is counted or observed somewhere", () => {
  const emitted = new Set(
    [...code.matchAll(/\b(?:count|observe)\(\s*"([a-z-]+)"/g)].map(([, name]) => name),
  );
  expect(metrics.map(([name]) => name).filter((name) => !emitted.has(name))).toEqual([]);
});

test("what an alarm looks at is brought about by a test", () => {
  const watched = metrics.filter(([, { alarms }]) => alarms.length > 0).map(([name]) => name);
  expect(watched.length).toBeGreaterThan(8);
  // The webhook's tests see what it counts as results.
  const shown = watched.filter((name) => name !== "webhooks");
  expect(shown.filter((name) => !tests.includes(`"${name}"`))).toEqual([]);
});

test("each alarm has a runbook of its name, whose links and queries are there", () => {
  const runbooks = files.filter(({ path }) => path.startsWith("docs/runbooks/"));
  const paths = new Set(files.map(({ path }) => path));
  const names = metrics.flatMap(([, { alarms }]) => alarms.map(({ name }) => name));
  expect(names.filter((name) => !paths.has(`docs/runbooks/${name}.md`))).toEqual([]);
  for (const { path, text } of runbooks) {
    const links = [...text.matchAll(/\]\(([^)#]+)/g)].map(([, link]) =>
      join("docs/runbooks", link ?? ""),
    );
    expect(
      links.filter((link) => !paths.has(link)),
      path,
    ).toEqual([]);
    const queries = [...text.matchAll(/quer(?:y|ies) `([a-z-]+)`/g)].map(([, name]) => name);
    expect(
      queries.filter((name) => !logQueries.some((one) => one.name === name)),
      path,
    ).toEqual([]);
  }
});

test("docs/operate.md has a row for each metric, as the table says it", () => {
  const rows = page.split("\n").filter((line) => line.startsWith("| `"));
  expect(rows).toEqual(metrics.map(([name, metric]) => rowOf(name, metric)));
});

test("docs/operate.md has each saved query, and each asks for lines that are written", () => {
  for (const { name, answers, query } of logQueries) {
    expect(page).toContain(`### ${name}\n\n${answers}\n\n\`\`\`\n${query}\n\`\`\`\n`);
    const events = [...query.matchAll(/"([a-z]+(?:_[a-z]+)+)"/g)].map(([, event]) => `"${event}"`);
    expect(
      events.filter((event) => !code.includes(event)),
      name,
    ).toEqual([]);
  }
});

function rowOf(name: string, { unit, by, means, alarms }: Metric): string {
  const dimensions = by.map((one) => `, \`${one}\``).join("");
  const rings = alarms.map(describeAlarm).join("; ");
  return `| \`${name}\` | ${unit}${dimensions} | ${means} | ${rings} |`;
}

function describeAlarm({ name, statistic, is, periodMinutes, periods, ...more }: MetricAlarm) {
  const limit = "above" in is ? `> ${is.above}` : `< ${is.below}`;
  const times = periods === 1 ? "" : ` ${periods} times in a row`;
  const only = Object.entries(more.only ?? {}).map(([key, value]) => ` of ${key} ${value}`);
  const other = more.while === undefined ? "" : ` while ${more.while} > 0`;
  return `${name}: ${statistic}${only.join("")} ${limit} in ${periodMinutes} min${times}${other}`;
}
