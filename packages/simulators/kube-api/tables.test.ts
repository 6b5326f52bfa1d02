import { describe, expect, it } from "vitest";
import { humanDuration } from "./tables.ts";

describe("an age", () => {
  it.each([
    [-5_000, "<invalid>"],
    [0, "0s"],
    [119_000, "119s"],
    [120_000, "2m"],
    [125_000, "2m5s"],
    [600_000, "10m"],
    [10_800_000, "3h"],
    [11_700_000, "3h15m"],
    [8 * 3_600_000, "8h"],
    [47 * 3_600_000, "47h"],
    [48 * 3_600_000, "2d"],
    [50 * 3_600_000, "2d2h"],
    [200 * 3_600_000, "8d"],
    [800 * 86_400_000, "2y"],
  ])("of %i ms is shown as %s", (ms, shown) => {
    expect(humanDuration(ms)).toBe(shown);
  });
});
