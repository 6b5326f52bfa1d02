import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { killPrograms, newHome, startProgram } from "./run-program.ts";

afterEach(killPrograms);

it.each([
  ["while it starts", 0],
  ["while faults strike", 5_000],
])(
  "a demo that is interrupted %s says so and ends within seconds, also when the signal comes twice",
  async (_when, afterMs) => {
    const home = newHome();
    const args = ["demo", "--faults", "--seed", "3"];
    const demo = startProgram("runlet", args, { home, limitMs: 40_000 });
    // Before it has claimed its folder there is nothing to end.
    while (!existsSync(join(home, "demo", "pid"))) await new Promise((next) => setTimeout(next, 5));
    await new Promise((next) => setTimeout(next, afterMs));
    const struck = performance.now();
    demo.child.kill("SIGINT");
    demo.child.kill("SIGINT");
    const { code, err } = await demo.ended;
    expect(code).toBe(130);
    expect(performance.now() - struck).toBeLessThan(10_000);
    expect(err).toContain("stopping");
  },
  50_000,
);
