import { UsageError } from "@runlet/runtime/flags";
import { describe, expect, it } from "vitest";
import { parseFlags } from "./flags.ts";

describe("flags", () => {
  it("have defaults", () => {
    expect(parseFlags([])).toEqual({
      namespaces: [],
      excludedLabelPrefixes: [],
      probePort: 8081,
      metrics: { port: 8080 },
      updateStrategy: "immediate",
      logLevel: "info",
    });
  });

  it("that repeat are collected", () => {
    expect(parseFlags(["--namespace", "a", "--namespace=b"])).toMatchObject({
      namespaces: ["a", "b"],
    });
  });

  it("for metrics are written as ARC's", () => {
    const metricsOf = (address: string) => {
      const flags = parseFlags(["--metrics-addr", address]);
      return flags === "help" ? undefined : flags.metrics;
    };
    expect(metricsOf("[::1]:9000")).toEqual({ host: "::1", port: 9000 });
    expect(metricsOf("127.0.0.1:0")).toEqual({ host: "127.0.0.1", port: 0 });
    expect(metricsOf("0")).toBeUndefined();
  });

  it("for the election name a Lease", () => {
    const given = ["--enable-leader-election", "--leader-election-namespace", "runlet"];
    expect(parseFlags(given)).toMatchObject({
      election: { name: "runlet-reconciler", namespace: "runlet" },
    });
  });

  const mistakes: [string[], RegExp][] = [
    [["--nonsense"], /--nonsense/],
    [["--probe-port", "70000"], /--probe-port 70000: give a whole number/],
    [["--log-level", "loud"], /--log-level loud: give one of debug/],
    [["--update-strategy", "later"], /--update-strategy later: give one of immediate, eventual/],
    [["--namespace", "A_b"], /--namespace A_b/],
    [["--context", "x"], /--kubeconfig/],
    [["extra"], /extra/],
    [["--metrics-addr", "8080"], /--metrics-addr 8080: give HOST:PORT/],
    [["--leader-election-id", "x"], /needs --enable-leader-election/],
    [["--enable-leader-election", "--leader-election-id", "A"], /no name of a Lease/],
  ];
  for (const [args, words] of mistakes) {
    it(`${args.join(" ")}: one line that says what to do`, () => {
      expect(() => parseFlags(args)).toThrow(UsageError);
      expect(() => parseFlags(args)).toThrow(words);
    });
  }
});
