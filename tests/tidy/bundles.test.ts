// Why: one careless import in what the webhook uses makes its bundle four times as large, and a job waits for it. That is a
// matter of bytes, which a test can hold; the times are in the benchmark (npm run bench -- bundles).
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { bundleFunction, functionNames } from "@runlet/runlet/artifacts/bundle-function";

test.each([
  ["webhook", 150_000],
  ["poller", 1_500_000],
  ["sweep", 1_500_000],
] as const)("the bundle of the %s has at most %d bytes", async (name, most) => {
  await inFolder(async (folder) => {
    expect((await bundleFunction(name, folder)).bytes).toBeLessThanOrEqual(most);
  });
});

// Who has the sources can tell whether a bundle was made of them (SEC45).
test.each(functionNames)(
  "the bundle of the %s is the same to the byte whenever and wherever it is made",
  async (name) => {
    const make = () =>
      inFolder(async (folder) => readFileSync((await bundleFunction(name, folder)).path, "utf8"));
    const [first, second] = [await make(), await make()];
    // Not compared by `expect`, which would print a megabyte.
    expect(first === second).toBe(true);
    expect(first.includes(resolve(import.meta.dirname, "../.."))).toBe(false);
  },
);

async function inFolder<T>(run: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "runlet-bundle-"));
  try {
    return await run(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
