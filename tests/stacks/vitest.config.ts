import { defineConfig } from "vitest/config";

// What needs SST's components, which tests/stacks/run.ts has installed.
export default defineConfig({
  test: {
    root: new URL("../..", import.meta.url).pathname,
    include: ["tests/stacks/**/*.test.ts"],
    environment: "node",
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: "forks",
    // Each is a process of its own that takes a second of a core.
    maxConcurrency: 2,
  },
});
