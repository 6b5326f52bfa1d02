// Why: what a benchmark is, and what it gets from whoever runs it.
import type { BenchResult } from "./figures.ts";

export interface BenchContext {
  /** An empty folder of the run's own. */
  home: string;
  /** A few sets and rounds only: to see that the benchmark works, not to measure. */
  small: boolean;
  /** One line about what goes on. */
  say(line: string): void;
}

export interface Bench {
  summary: string;
  run(context: BenchContext): Promise<BenchResult>;
}
