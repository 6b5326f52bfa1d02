import { defineConfig } from "vitest/config";

// What runs against real components only: started by tests/cluster/run.ts, which says where they are.
export default defineConfig({
  test: {
    root: new URL("../..", import.meta.url).pathname,
    include: ["tests/cluster/**/*.test.ts", "tests/contract/kubernetes/**/*.test.ts"],
    environment: "node",
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // One API server serves all files: two at a time on two cores is plenty.
    maxWorkers: 2,
    pool: "forks",
  },
});
