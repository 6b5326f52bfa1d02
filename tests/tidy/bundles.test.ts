// Why: one careless import in what the webhook uses makes its bundle four times as large, and a job waits for it. That is a
// matter of bytes, which a test can hold; the times are in the benchmark (npm run bench -- bundles).
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { bundleFunction } from "@runlet/runlet/artifacts/bundle-function";

test.each([
  ["webhook", 150_000],
  ["poller", 1_500_000],
  ["sweep", 1_500_000],
] as const)("the bundle of the %s has at most %d bytes", async (name, most) => {
  const folder = mkdtempSync(join(tmpdir(), "runlet-bundle-"));
  try {
    expect((await bundleFunction(name, folder)).bytes).toBeLessThanOrEqual(most);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
