import { defineConfig } from "vitest/config";

// tests/cluster, tests/bench and tests/mutants have runners of their own (npm run …).
export default defineConfig({
  test: {
    include: [
      "packages/**/*.test.ts",
      "stacks/**/*.test.ts",
      "tests/{tidy,contract,stories,simulation,demo}/**/*.test.ts",
    ],
    environment: "node",
    testTimeout: 20_000,
    pool: "forks",
    // Left alone, vitest keeps one core free, which on two cores is half of them; most stories wait for no machine.
    maxWorkers: "100%",
  },
});
