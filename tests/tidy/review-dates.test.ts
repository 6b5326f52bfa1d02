// Why: a page on security that nobody has read for a year says what was true then (SEC48).
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, it } from "vitest";

const root = resolve(import.meta.dirname, "../..");
const dayMs = 24 * 3_600_000;
const pages = ["SECURITY.md", "docs/threat-model.md"].filter((page) =>
  existsSync(join(root, page)),
);

it("security and threats were reviewed within the last year", () => {
  expect(pages).toContain("SECURITY.md");
  for (const page of pages) {
    const text = readFileSync(join(root, page), "utf8");
    const [, day = ""] = /^Reviewed: (\d{4}-\d\d-\d\d)\.$/m.exec(text) ?? [];
    expect(day, `${page} has no line like "Reviewed: 2026-01-31."`).not.toBe("");
    const ageDays = (Date.now() - Date.parse(day)) / dayMs;
    expect(ageDays, `${page}: read it again, mend it, and write today's date`).toBeLessThan(366);
    expect(ageDays, `${page} is from the future`).toBeGreaterThan(-1);
  }
});
