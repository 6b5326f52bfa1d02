import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createSeededRandom } from "@runlet/runtime/random";
import { drawRunnerName, runnerSetName } from "./names.ts";

const name = fc.stringMatching(/^[a-z]([a-z0-9-]{0,43}[a-z0-9])?$/);

describe("names", () => {
  it("fit a label value and a host name, for every set that ARC's chart allows", () => {
    fc.assert(
      fc.property(name, fc.uuid(), fc.integer(), (set, cluster, seed) => {
        const runner = drawRunnerName(createSeededRandom(seed), runnerSetName(cluster, "ns", set));
        expect(runner.length).toBeLessThanOrEqual(63);
        expect(runner).toMatch(/^[a-z]([-a-z0-9]*[a-z0-9])?$/);
      }),
    );
  });

  it("differ between clusters and between namespaces", () => {
    const sets = new Set<string>();
    for (let cluster = 0; cluster < 50; cluster++) {
      for (const namespace of ["a", "b", "c"])
        sets.add(runnerSetName(`c${cluster}`, namespace, "x"));
    }
    expect(sets.size).toBe(150);
  });

  it("of two sets that differ only behind the cut differ", () => {
    const long = "a".repeat(44);
    expect(runnerSetName("c", "n", `${long}1`)).not.toBe(runnerSetName("c", "n", `${long}2`));
  });

  it("stay the same for the same set", () => {
    expect(runnerSetName("uid", "ns", "set")).toBe(runnerSetName("uid", "ns", "set"));
  });
});
