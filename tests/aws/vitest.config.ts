import { defineConfig } from "vitest/config";

// What needs DynamoDB Local and moto: started by tests/aws/run.ts, which says where they are.
export default defineConfig({
  test: {
    root: new URL("../..", import.meta.url).pathname,
    include: ["tests/aws/**/*.test.ts"],
    environment: "node",
    testTimeout: 60_000,
    pool: "forks",
    // There is one moto for all, and a suite that empties it would take away what another has put there.
    fileParallelism: false,
  },
});
