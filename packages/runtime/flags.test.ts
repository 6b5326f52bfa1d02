import { describe, expect, it } from "vitest";
import { readChoice, readFlags, readInt } from "./flags.ts";

const options = { jobs: { type: "string" }, json: { type: "boolean", short: "j" } } as const;

describe("flags", () => {
  it.each([
    [["--bogus"], "Unknown option '--bogus'; see --help"],
    [["extra"], "Unexpected argument 'extra'"],
    [["--jobs"], "--jobs is given without a value"],
    [["--jobs", "--json"], "--jobs is given without a value"],
    [["--json=3"], "'-j, --json' does not take an argument"],
    [["ghp_0123456789abcdef0123"], "Unexpected argument 'ghp_***'"],
  ])("%j is one line with a remedy: %s", (args, says) => {
    expect(() => readFlags(args, options)).toThrow(says);
    expect(() => readFlags(args, options)).toThrow(/^[^\n]+$/);
  });

  it("take a negative number for a number", () => {
    expect(readFlags(["--jobs", "-1", "--json"], options).values).toEqual({
      jobs: "-1",
      json: true,
    });
    expect(() => readFlags(["--json", "-1"], options)).toThrow("'-1'");
  });
});

describe("a number", () => {
  const range = { min: 1, max: 10, default: 4 };

  it.each(["0", "11", "-1", "1e1", "1.5", "0x3", " 3"])("is not %j", (text) => {
    expect(() => readInt("jobs", text, range)).toThrow("from 1 to 10");
  });

  it("is shown as it was typed, nothing included", () => {
    expect(() => readInt("jobs", "", range)).toThrow('--jobs "": give a whole number');
    expect([readInt("jobs", undefined, range), readInt("jobs", "10", range)]).toEqual([4, 10]);
  });
});

it("a choice that is none lists them all", () => {
  expect(() => readChoice("mode", "both", ["a", "b"])).toThrow("--mode both: give one of a, b");
  expect([readChoice("mode", undefined, ["a", "b"]), readChoice("mode", "b", ["a", "b"])]).toEqual([
    "a",
    "b",
  ]);
});
