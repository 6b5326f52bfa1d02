import { describe, expect, it } from "vitest";
import { FlagError, parseFlags } from "./flags.ts";

describe("flags", () => {
  it("have defaults", () => {
    expect(parseFlags([])).toEqual({
      namespaces: [],
      excludedLabelPrefixes: [],
      probePort: 8081,
      logLevel: "info",
    });
  });

  it("that repeat are collected", () => {
    expect(parseFlags(["--namespace", "a", "--namespace=b"])).toMatchObject({
      namespaces: ["a", "b"],
    });
  });

  const mistakes: [string[], RegExp][] = [
    [["--nonsense"], /--nonsense/],
    [["--probe-port", "70000"], /--probe-port 70000: give a whole number/],
    [["--log-level", "loud"], /--log-level loud: give one of debug/],
    [["--namespace", "A_b"], /--namespace A_b/],
    [["--context", "x"], /--kubeconfig/],
    [["extra"], /extra/],
  ];
  for (const [args, words] of mistakes) {
    it(`${args.join(" ")}: one line that says what to do`, () => {
      expect(() => parseFlags(args)).toThrow(FlagError);
      expect(() => parseFlags(args)).toThrow(words);
    });
  }
});
