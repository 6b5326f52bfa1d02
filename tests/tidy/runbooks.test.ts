// Why: a runbook is read once, at the worst time. Each has the same parts, and what it names (alarms, metrics, queries, lines
// of the log, settings) is there. That its commands run is tests/demo/documented-commands.test.ts.
import { logQueries } from "@runlet/runtime/log-queries";
import { metricTable, type Metric } from "@runlet/runtime/metrics-table";
import { expect, test } from "vitest";
import { listSourceFiles } from "./source-file.ts";

const files = listSourceFiles();
const code = files
  .filter(({ path }) => /^(packages|stacks)\/.*(?<!\.test)\.ts$/.test(path))
  .map(({ text }) => text)
  .join("\n");
const metrics: [string, Metric][] = Object.entries(metricTable);
const platformAlarms = [
  ...(files.find(({ path }) => path === "stacks/platform-alarms.ts")?.text ?? "").matchAll(
    /name: "([a-z-]+)"/g,
  ),
].map(([, name = ""]) => name);
const alarms = [
  ...metrics.flatMap(([, metric]) => metric.alarms.map(({ name }) => name)),
  ...platformAlarms,
];
const runbooks = files.filter(({ path }) => path.startsWith("docs/runbooks/"));

test("each alarm has a runbook, and each runbook an alarm", () => {
  const names = runbooks.map(({ path }) => path.replace(/^docs\/runbooks\/|\.md$/g, ""));
  expect(platformAlarms.length).toBeGreaterThanOrEqual(6);
  expect(names.toSorted()).toEqual(alarms.toSorted());
});

test.each(runbooks.map(({ path, text }) => [path, text]))(
  "%s says what it means, where to look, what it can be and what to do",
  (path, text) => {
    const name = path.replace(/^docs\/runbooks\/|\.md$/g, "");
    expect(text).toMatch(new RegExp(`^# .+\\n\\nAlarm \`${name}\`\\. .{40,}\\n`));
    const [, look = "", causes = ""] =
      /\n## First look\n\n([\s\S]+?)\n\n## Causes and remedies\n\n\| cause \| remedy \|\n\| --- \| --- \|\n([\s\S]+)$/.exec(
        text,
      ) ?? [];
    expect(look.length).toBeGreaterThan(20);
    const rows = causes.trim().split("\n");
    for (const row of rows) expect(row).toMatch(/^\| .{3,} \| .{3,} \|$/);
  },
);

test.each(runbooks.map(({ path, text }) => [path, text]))(
  "what %s names is there",
  (_path, text) => {
    const spans = [...text.matchAll(/`([^`]+)`/g)].map(([, span = ""]) => span);
    const lines = spans.filter((span) => /^[a-z]+(?:_[a-z]+)+$/.test(span));
    expect(lines.filter((line) => !code.includes(`"${line}"`))).toEqual([]);
    const known = new Set([
      ...alarms,
      ...metrics.map(([metric]) => metric),
      ...logQueries.map(({ name }) => name),
      // Words of status.
      ...[...code.matchAll(/\| "([a-z]+-[a-z]+)"/g)].map(([, word = ""]) => word),
    ]);
    const names = spans.filter((span) => /^[a-z]+(?:-[a-z]+)+$/.test(span));
    expect(names.filter((one) => !known.has(one))).toEqual([]);
    const settings = spans.filter((span) => /^[a-z]+(?:[A-Z][a-z]+)+$/.test(span));
    expect(settings.filter((one) => !code.includes(one))).toEqual([]);
  },
);
