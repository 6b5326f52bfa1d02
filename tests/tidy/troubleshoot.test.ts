import { expect, test } from "vitest";
import { listSourceFiles } from "./source-file.ts";

const files = listSourceFiles();
const page = files.find(({ path }) => path === "docs/troubleshoot.md")?.text ?? "";
const code = files
  .filter(({ path }) => /^packages\/reconciler\/.*(?<!\.test)\.ts$/.test(path))
  .map((file) => file.code)
  .join("\n");

/** Where a reason stands in the code: on a condition, an event, a runner's status. */
const given =
  /(?:\breason(?:: | = )|\|\| |NotServable\(\s*|\b(?:block|warn|say)\(|"(?:AutoscalingRunnerSet|EphemeralRunner(?:Set)?)",\s*)"([A-Z][A-Za-z]+)"/g;
/** What is said when all is well, and what is a word of the code alone. */
const good = ["Registered", "Healthy", "Default"];

test("docs/troubleshoot.md explains every reason that we give", () => {
  const reasons = new Set([...code.matchAll(given)].map(([, reason = ""]) => reason));
  expect(reasons.size).toBeGreaterThan(25);
  const missing = [...reasons].filter((one) => !good.includes(one) && !page.includes(`\`${one}\``));
  expect(missing).toEqual([]);
});

test("docs/troubleshoot.md explains no reason that nobody gives", () => {
  const rows = page.split("\n").filter((line) => line.startsWith("| `"));
  const explained = rows.flatMap((row) => {
    return [...(row.split("|")[1] ?? "").matchAll(/`(\w+)`/g)].map(([, reason = ""]) => reason);
  });
  expect(explained.length).toBeGreaterThan(25);
  // The kubelet's words are not ours.
  const ours = explained.filter((one) => one !== "ErrImagePull");
  expect(ours.filter((one) => !code.includes(`"${one}"`))).toEqual([]);
});
