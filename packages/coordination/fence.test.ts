// Why: fences are compared as text that people may edit.
import { expect, test } from "vitest";
import { compareFence, formatFence, parseFence } from "./fence.ts";

test("a fence is written and read back; what is none is undefined", () => {
  expect(parseFence(formatFence({ installation: "ab-12", n: 7 }))).toEqual({
    installation: "ab-12",
    n: 7,
  });
  for (const text of ["0", "", "a:", ":1", "a:-1", "a:1.5", "a b:1", "a:1234567890123456"]) {
    expect(parseFence(text)).toBeUndefined();
  }
});

test("a fence that was found is smaller, own, larger, foreign or none", () => {
  const own = { installation: "mine", n: 9 };
  const found = ["mine:8", "mine:9", "mine:10", "theirs:10", "theirs:1", "0", "nonsense"];
  expect(found.map((text) => compareFence(text, own))).toEqual([
    "smaller",
    "own",
    "larger",
    "foreign",
    "foreign",
    "none",
    "none",
  ]);
});
