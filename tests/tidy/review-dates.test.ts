// Why: a page on security that nobody has read for a year says what was true then (SEC48).
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, it } from "vitest";

const root = resolve(import.meta.dirname, "../..");
const dayMs = 24 * 3_600_000;

it("security and threats were reviewed within the last year", () => {
  for (const page of ["SECURITY.md", "docs/threat-model.md"]) {
    const text = readFileSync(join(root, page), "utf8");
    const [, day = ""] = /^Reviewed: (\d{4}-\d\d-\d\d)\.$/m.exec(text) ?? [];
    expect(day, `${page} has no line like "Reviewed: 2026-01-31."`).not.toBe("");
    const ageDays = (Date.now() - Date.parse(day)) / dayMs;
    expect(ageDays, `${page}: read it again, mend it, and write today's date`).toBeLessThan(366);
    expect(ageDays, `${page} is from the future`).toBeGreaterThan(-1);
  }
});
