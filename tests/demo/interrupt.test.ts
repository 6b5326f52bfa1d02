import { afterEach, expect, it } from "vitest";
import { startProgram, killPrograms } from "./run-program.ts";

afterEach(killPrograms);

it.each([
  ["while it starts", 1_000],
  ["while faults strike", 6_000],
])(
  "a demo that is interrupted %s says so and ends within seconds, also when the signal comes twice",
  async (_when, afterMs) => {
    const demo = startProgram("runlet", ["demo", "--faults", "--seed", "3"], { limitMs: 30_000 });
    setTimeout(() => {
      demo.child.kill("SIGINT");
      demo.child.kill("SIGINT");
    }, afterMs);
    const started = performance.now();
    const { code, err } = await demo.ended;
    expect(code).toBe(130);
    expect(performance.now() - started).toBeLessThan(afterMs + 10_000);
    if (afterMs > 3_000) expect(err).toContain("stopping");
  },
  40_000,
);
